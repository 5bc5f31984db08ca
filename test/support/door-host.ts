// What the core lends a plugin's doors, for a test that needs no core: logins and counters in memory, facts in a list.
import type { Counter, DoorFact, DoorHost, LoginAtDoor } from '../../src/plugin.ts'
import { pluginHost } from './subjects.ts'

export type TestDoors = DoorHost & {
  logins: Map<string, LoginAtDoor>
  facts: DoorFact[]
  counters: Map<string, number>
  /** What was logged. */
  events: string[]
  /** Throws, or waits, before anything is answered. */
  trouble: (() => Promise<void>) | undefined
}

export const atDoor = (more: Partial<LoginAtDoor> = {}): LoginAtDoor => ({
  access: 'full',
  maySend: true,
  memberId: 'm1',
  site: null,
  why: '',
  ...more,
})

/** As the core does: a burst stops its login. */
export function testDoors(dataDir: string): TestDoors {
  const events: string[] = []
  const trouble = async () => doors.trouble?.()
  const doors: TestDoors = {
    ...pluginHost(dataDir, (event) => events.push(event)),
    logins: new Map(),
    facts: [],
    counters: new Map(),
    events,
    trouble: undefined,
    queueIdsOf: async (login) =>
      doors.facts.flatMap((fact) =>
        fact.kind === 'submitted' && fact.message.login === login ? [fact.message.queueId] : [],
      ),
    async login(name) {
      await trouble()
      return doors.logins.get(name)
    },
    mayTry: async () => true,
    async take(counters: readonly Counter[]) {
      await trouble()
      return counters.map(({ key, points, limit }) => {
        const taken = (doors.counters.get(key) ?? 0) + points
        doors.counters.set(key, taken)
        return limit - taken
      })
    },
    async report(fact) {
      await trouble()
      doors.facts.push(fact)
      if (fact.kind !== 'submitted' || fact.burst === undefined) return
      const { login } = fact.message
      doors.logins.set(login, {
        ...atDoor(doors.logins.get(login)),
        maySend: false,
        why: 'Envoi suspendu : trop de messages à la fois',
      })
    },
  }
  return doors
}
