// One app password revoked: until Dovecot lets nobody in with it any more, while the same person's other one goes on working.
import { setTimeout as sleep } from 'node:timers/promises'
import { revokeAppPassword } from '../src/usecases/app-passwords.ts'
import { attempt, REFUSED } from '../test/support/mail-sign-in.ts'
import type { MailHouse } from './mail-house.ts'
import type { MailPerson } from './mail-seed.ts'
import type { Progress, Report } from './results.ts'
import { median, percentile } from './statistics.ts'

const BENCH = 'mail'
const ROUNDS = 20
const EVERY_MS = 30
const LIMIT_MS = 10_000

/** Milliseconds from the commit to the last sign-in that was let in, and to the first refusal that was read. */
type Measured = { lastInMs: number; toldMs: number }

async function round({ installation, dovecot }: MailHouse, person: MailPerson): Promise<Measured> {
  const { core, reconciler } = installation
  const [{ id, secret }, other] = person.passwords
  const signIn = (typed: string) => attempt(dovecot, 'PLAIN', person.login, typed)
  if ((await signIn(secret)) !== 'OK') throw new Error(`${person.login} is not let in`)
  let committed = performance.now()
  const wake = (): void => {
    committed = performance.now()
    core.wake()
  }
  await revokeAppPassword({ ...core, wake })({ accountId: person.id, id, actor: BENCH })
  const worked = reconciler.drain()
  let lastIn = committed
  for (;;) {
    const answer = await signIn(secret)
    const now = performance.now()
    if (answer === REFUSED) {
      await worked
      if ((await signIn(other.secret)) !== 'OK')
        throw new Error(`${person.login} is not let in with the other password`)
      return { lastInMs: lastIn - committed, toldMs: now - committed }
    }
    if (answer === 'OK') lastIn = now
    if (now - committed > LIMIT_MS) throw new Error(`${person.login} is still let in with what was revoked`)
    await sleep(EVERY_MS)
  }
}

export async function revocations(house: MailHouse, report: Report, progress: Progress): Promise<void> {
  progress('app passwords that are revoked')
  const rounds: Measured[] = []
  for (const person of house.people.slice(500, 500 + ROUNDS)) rounds.push(await round(house, person))
  const tell = (name: string, times: readonly number[]) => {
    const p50 = median(times)
    report({ bench: BENCH, case: name, value: p50, unit: 'ms', p50, p99: percentile(times, 0.99), n: times.length })
  }
  tell(
    'app password revoked: last let in',
    rounds.map(({ lastInMs }) => lastInMs),
  )
  tell(
    'app password revoked: refused, told',
    rounds.map(({ toldMs }) => toldMs),
  )
}
