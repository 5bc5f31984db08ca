// What every plugin must do (design §4), driven against the real server. A plugin with a kit runs `kitContract` too.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Access, accesses } from '../../src/domain/access.ts'
import type { Name, Row, Service, Subject } from '../../src/plugin.ts'

export { kitContract, kitTarget } from './kit.ts'

/** A session that is open; `ended` settles once the service, not the client, ended it. */
type LiveSession = { ended: Promise<unknown>; close(): void }

export type OpenPlugin<S extends Subject, R extends Row> = {
  service: Service<S, R>
  /** `some`: four or more of different names, which nothing else uses. `foreign`: names held there that are not ours. */
  subjects: { some: readonly S[]; foreign?: readonly Name[] }
  /** All that is there and not ours, to be compared before and after. */
  untouched?(): Promise<unknown>
  /** True for what is there whatever the access is (an address that mail is delivered to). */
  sameForAll?: boolean
  /** Opens a session of a subject whose access is full. */
  live?(subject: S): Promise<LiveSession>
  close(): Promise<void>
}

const soon = () => AbortSignal.timeout(60_000)
const UNKNOWN = 'nobody.of.this.name'

type Rows<R> = Map<Name, R | null>

/** `open` gives a service of its own for this run. */
export function pluginContract<S extends Subject, R extends Row>(
  name: string,
  open: () => Promise<OpenPlugin<S, R>>,
): void {
  describe(`plugin contract: ${name}`, () => {
    let opened: OpenPlugin<S, R>
    let service: Service<S, R>
    let some: readonly S[]
    let names: Name[]
    beforeAll(async () => {
      opened = await open()
      service = opened.service
      some = opened.subjects.some
      names = some.map((subject) => subject.name)
      expect(new Set(names).size, 'subjects.some has four different names or more').toBeGreaterThanOrEqual(4)
    })
    afterAll(async () => {
      await opened.close()
    })

    const row = (subject: S, access: Access): R | null => service.render({ ...subject, access })
    const rows = (access: (at: number) => Access): Rows<R> =>
      new Map(some.map((subject, at) => [subject.name, row(subject, access(at))]))
    /** What `observe` must answer once these are applied. */
    const held = (changes: Rows<R>) => new Map([...changes].filter(([, wanted]) => wanted !== null))
    const observe = () => service.observe(names, soon())
    const apply = (changes: Rows<R>) => service.apply(changes, soon())
    const expectHeld = async (changes: Rows<R>, message?: string) => {
      expect(plain(await service.observe([...changes.keys()], soon())), message).toEqual(plain(held(changes)))
    }
    const everything = async () => ({
      rows: plain(await observe()),
      listed: service.list ? (await Array.fromAsync(service.list(soon()))).toSorted() : [],
      untouched: await opened.untouched?.(),
    })

    test('check passes and changes nothing', async () => {
      const before = await everything()
      await service.check(soon())
      await service.check(soon())
      expect(await everything()).toEqual(before)
    })

    test('render is pure, and a row is plain JSON', () => {
      for (const subject of some)
        for (const access of accesses) {
          const given: S = { ...subject, access }
          Object.freeze(given)
          const wanted = service.render(given)
          expect(service.render(given)).toEqual(wanted)
          expect(JSON.parse(JSON.stringify(wanted))).toEqual(wanted)
        }
    })

    test('no access is rendered as something else than full access', () => {
      for (const subject of some)
        if (opened.sameForAll) expect(row(subject, 'none')).toEqual(row(subject, 'full'))
        else expect(row(subject, 'none')).not.toEqual(row(subject, 'full'))
    })

    test('a name that it never heard of is absent', async () => {
      expect([...(await service.observe([UNKNOWN], soon())).keys()]).toEqual([])
      expect([...(await service.observe([], soon())).keys()]).toEqual([])
    })

    test('what is applied is what is observed, from every access to every other', async () => {
      for (const from of accesses)
        for (const to of accesses) {
          await apply(rows(() => from))
          await expectHeld(rows(() => from))
          await apply(rows(() => to))
          await expectHeld(
            rows(() => to),
            `from ${from} to ${to}`,
          )
        }
    })

    test('applied twice is applied once', async () => {
      for (const access of accesses) {
        await apply(rows(() => access))
        const once = await everything()
        await apply(rows(() => access))
        expect(await everything()).toEqual(once)
      }
    })

    test('null takes away, and again takes nothing', async () => {
      const gone: Rows<R> = new Map(names.map((subject) => [subject, null]))
      await apply(rows((at) => (at % 2 ? 'none' : 'full')))
      await apply(gone)
      await expectHeld(gone)
      await apply(gone)
      await expectHeld(gone)
    })

    test('one batch gives to some and takes from others', async () => {
      await apply(rows((at) => (at % 2 ? 'none' : 'full')))
      await apply(rows((at) => (at % 2 ? 'full' : 'none')))
      await expectHeld(rows((at) => (at % 2 ? 'full' : 'none')))
      await apply(new Map())
      await expectHeld(
        rows((at) => (at % 2 ? 'full' : 'none')),
        'an empty batch changes nothing',
      )
    })

    test('a change of one subject leaves the others alone', async () => {
      await apply(rows(() => 'full'))
      const [first] = some
      await apply(new Map([[first!.name, row(first!, 'none')]]))
      await expectHeld(rows((at) => (at === 0 ? 'none' : 'full')))
    })

    test('two batches at once both arrive', async () => {
      await apply(rows(() => 'full'))
      const halves = [rows(() => 'none'), rows(() => 'none')]
      for (const [at, subject] of names.entries()) halves[at % 2]?.delete(subject)
      await Promise.all(halves.map(apply))
      await expectHeld(rows(() => 'none'))
    })

    test('a batch that is cut off can be applied again', async () => {
      for (const ms of [undefined, 0, 1, 2, 5]) {
        await apply(rows(() => 'full'))
        const cut = new AbortController()
        if (ms === undefined) cut.abort()
        const under = service.apply(
          rows(() => 'none'),
          cut.signal,
        )
        const settled = under.then(
          () => 'done',
          () => 'cut off',
        )
        if (ms !== undefined) await sleep(ms)
        cut.abort()
        expect(['done', 'cut off']).toContain(await settled)
        await apply(rows(() => 'none'))
        await expectHeld(rows(() => 'none'))
      }
    })

    test('list names what is ours and nothing else', async () => {
      if (!service.list) return expect(service.list).toBeUndefined()
      const list = async () => new Set(await Array.fromAsync(service.list!(soon())))
      for (const access of accesses) {
        await apply(rows(() => access))
        const listed = await list()
        for (const subject of held(rows(() => access)).keys()) expect(listed, 'an orphan is found').toContain(subject)
        for (const subject of opened.subjects.foreign ?? []) expect(listed).not.toContain(subject)
      }
      await apply(new Map(names.map((subject) => [subject, null])))
      const listed = await list()
      for (const subject of names) expect(listed).not.toContain(subject)
    })

    test('what is not ours stays as it is', async () => {
      const before = await opened.untouched?.()
      const foreign = opened.subjects.foreign ?? []
      const seen = plain(await service.observe(foreign, soon()))
      for (const access of accesses) await apply(rows(() => access))
      await apply(new Map([...names, ...foreign].map((subject) => [subject, null])))
      expect(await opened.untouched?.()).toEqual(before)
      expect(plain(await service.observe(foreign, soon()))).toEqual(seen)
    })

    test('sessions are ended where there are none, without complaint', async () => {
      for (let twice = 0; twice < 2; twice++) await service.endSessions?.([...names, UNKNOWN], soon())
      await service.endSessions?.([], soon())
      expect(service.endSessionsAgainAfterMs ?? 0).toBeGreaterThanOrEqual(0)
    })

    test('a live session is ended, and the others go on', async () => {
      if (!opened.live) return expect(opened.live).toBeUndefined()
      await apply(rows(() => 'full'))
      const [first, second] = await Promise.all(some.slice(0, 2).map(opened.live))
      try {
        let others = 'live'
        second!.ended.then(() => (others = 'ended')).catch(() => undefined)
        await service.endSessions?.([names[0]!], soon())
        await first!.ended
        await sleep(200)
        expect(others).toBe('live')
      } finally {
        for (const session of [first, second]) session?.close()
      }
    })

    test('closing twice is quiet', async () => {
      await service.close()
      await service.close()
    })
  })
}

/** Rows as JSON, by name in order: how the core compares them. */
const plain = (rows: ReadonlyMap<Name, unknown>) =>
  Object.fromEntries(
    [...rows]
      .map(([name, row]) => [name, JSON.parse(JSON.stringify(row))] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
