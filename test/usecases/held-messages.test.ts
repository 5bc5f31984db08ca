// Held messages: what waits for a decision is listed also while the mail server is down, and a decision is taken once.
import { beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import type { MailQueue, QueuedMessage } from '../../src/plugin.ts'
import type { Submission } from '../../src/ports.ts'
import { heldMessages, purgeMessages, releaseMessages } from '../../src/usecases/held-messages.ts'
import { quarantineLogin } from '../../src/usecases/quarantine.ts'
import * as make from '../contract/store-records.ts'
import { ADA, type MailPeople, mailPeople, SITE } from '../support/mail-people.ts'

type Queue = MailQueue & { there: Map<string, QueuedMessage>; done: string[]; down: boolean }

let at: MailPeople
let queue: Queue
let queues: Map<string, MailQueue>
beforeEach(async () => {
  at = await mailPeople()
  queue = emptyQueue()
  queues = new Map([['postfix', queue]])
  return () => at.on.close()
})

/** A mail server's queue: whatever is done to it is done to those that are there, the others are passed over. */
function emptyQueue(): Queue {
  const act = (what: string) => async (ids: readonly string[]) => {
    if (self.down) throw new AppError('service_unavailable', { detail: 'it is down' })
    for (const id of ids) if (self.there.delete(id)) self.done.push(`${what} ${id}`)
  }
  const self: Queue = {
    there: new Map(),
    done: [],
    down: false,
    async messages(ids) {
      if (self.down) throw new AppError('service_unavailable', { detail: 'it is down' })
      return ids.flatMap((id) => self.there.get(id) ?? [])
    },
    release: act('release'),
    purge: act('purge'),
  }
  return self
}

let n = 0
async function held(login = ADA, more: Partial<Submission> = {}): Promise<string> {
  const queueId = `Q${++n}`
  await at.core.store.outgoing.submitted([
    {
      service: 'postfix',
      queueId,
      login,
      memberId: at.member.id,
      sender: login,
      recipients: 2,
      sizeBytes: 500,
      clientAddress: '192.0.2.1',
      at: make.NOW + n,
      state: 'held',
      ...more,
    },
  ])
  queue.there.set(queueId, {
    queueId,
    sender: login,
    recipients: ['far@example.net'],
    subject: `Sujet ${queueId}`,
    sizeBytes: 500,
    arrivedAt: make.NOW,
    script: login === SITE ? '1042:contact.php' : '',
  })
  return queueId
}
const chosen = (...queueIds: string[]) => ({ service: 'postfix', queueIds, actor: 'root' })
const list = async (login?: string) => (await heldMessages(at.core, queues)(login)).map(({ queueId }) => queueId)
const state = async (queueId: string) => (await at.core.store.outgoing.get('postfix', queueId))?.state

describe('listed', () => {
  test('the newest first, of all or of one login, with subject and script', async () => {
    const [one, two, site] = [await held(), await held(), await held(SITE)]
    const passed = await held(ADA, { state: 'passed' })
    expect(await list()).toEqual([site, two, one])
    expect(await list(ADA)).toEqual([two, one])
    expect(await list('nobody@asso.example')).toEqual([])
    expect((await heldMessages(at.core, queues)(SITE))[0]).toMatchObject({
      login: SITE,
      recipients: 2,
      queued: { subject: `Sujet ${site}`, script: '1042:contact.php', recipients: ['far@example.net'] },
    })
    expect(await list()).not.toContain(passed)
  })

  test('without what only the mail server knows while it is down, or is not named any more', async () => {
    const [one, other] = [await held(), await held(ADA, { service: 'gone' })]
    queue.down = true
    const found = await heldMessages(at.core, queues)()
    expect(found.map(({ queueId, queued }) => [queueId, queued])).toEqual([
      [other, undefined],
      [one, undefined],
    ])
    expect(at.on.first.logged).toMatchObject([{ event: 'mail.queue_not_read', details: { service: 'postfix' } }])
  })

  test('one that left the queue by another hand is still listed, and can be put aside', async () => {
    const one = await held()
    queue.there.clear()
    expect((await heldMessages(at.core, queues)())[0]).toMatchObject({ queueId: one, queued: undefined })
    expect(await purgeMessages(at.core, queues)(chosen(one))).toBe(1)
    expect(await list()).toEqual([])
  })
})

describe('decided', () => {
  test.each([
    ['released', releaseMessages, 'release'],
    ['purged', purgeMessages, 'purge'],
  ] as const)('%s: in the queue, on record, in the audit; the quarantine stays', async (to, decide, verb) => {
    await quarantineLogin(at.core)({ login: ADA, detail: 'x', actor: 'root' })
    const [one, two, stays] = [await held(), await held(), await held()]
    expect(await decide(at.core, queues)(chosen(one, two))).toBe(2)
    expect(queue.done).toEqual([`${verb} ${one}`, `${verb} ${two}`])
    expect([await state(one), await state(two), await state(stays)]).toEqual([to, to, 'held'])
    expect(await list()).toEqual([stays])
    const told = await at.core.store.audit.list({ action: `message.${to}` })
    expect(told.map(({ actor, subjectId, payload }) => [actor, subjectId, payload])).toEqual(
      expect.arrayContaining([one, two].map((queueId) => ['root', ADA, { service: 'postfix', queueId }])),
    )
    expect(await at.atDoor(ADA)).toMatchObject({ maySend: false })
  })

  test('only what is held: a message that passed, or was decided, is left alone in the queue too', async () => {
    const [passed, decided] = [await held(ADA, { state: 'passed' }), await held(ADA, { state: 'purged' })]
    expect(await purgeMessages(at.core, queues)(chosen(passed, decided, 'NONE'))).toBe(0)
    expect(queue.done).toEqual([])
    expect([await state(passed), await state(decided)]).toEqual(['passed', 'purged'])
  })

  test('by two at once: once', async () => {
    const one = await held()
    const done = await Promise.all([
      releaseMessages(at.core, queues)(chosen(one)),
      purgeMessages(at.core, queues)(chosen(one)),
      releaseMessages(at.core, queues)(chosen(one, one)),
    ])
    expect(done.reduce((sum, count) => sum + count, 0)).toBe(1)
    expect(queue.done).toHaveLength(1)
    const audited = await at.core.store.audit.list({})
    expect(audited.filter(({ action }) => action.startsWith('message.'))).toHaveLength(1)
  })

  test('never on record before the mail server did it; done again when the record failed', async () => {
    const one = await held()
    queue.down = true
    await expect(releaseMessages(at.core, queues)(chosen(one))).rejects.toMatchObject({ code: 'service_unavailable' })
    expect(await state(one)).toBe('held')
    queue.down = false
    const { store } = at.core
    const full = { ...at.core, store: { ...store, transaction: () => Promise.reject(new Error('full')) } }
    await expect(releaseMessages(full, queues)(chosen(one))).rejects.toThrow('full')
    expect([queue.done, await state(one)]).toEqual([[`release ${one}`], 'held'])
    expect(await releaseMessages(at.core, queues)(chosen(one))).toBe(1)
    expect(await state(one)).toBe('released')
  })

  test('of a service without a queue: not found', async () => {
    await expect(releaseMessages(at.core, queues)({ ...chosen('Q'), service: 'imap' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
