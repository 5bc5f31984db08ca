// The provider itself as a service. What it should never hold is a session or grant of somebody whose access to that
// client is gone, or one that began before the account was signed out. Ending a client's session queues its logout token.
import { pages } from './domain/pages.ts'
import type { Doors } from './doors.ts'
import type { AccountSubject, Row, Service } from './plugin.ts'
import type { Clock, Store } from './ports.ts'

/** `refused`: clients at which the account still holds something it must not. */
type ProviderRow = Row & { refused: string[] }

const PAGE = 500
/** The house's own pages sign in through the provider like any client; no door is asked for them. */
export const HOUSE_CLIENT = 'schedar'
export const PROVIDER = 'provider'
/** Each client's logout tokens are a queue of their own, so that one that is down delays nobody else. */
export const logoutService = (clientId: string): string => `logout/${clientId}`
export const clientOfLogoutService = (service: string): string | undefined =>
  service.startsWith('logout/') ? service.slice('logout/'.length) : undefined

export function providerService({
  store,
  doors,
  clock,
}: {
  store: Store
  doors: Doors
  clock: Clock
}): Service<AccountSubject, ProviderRow> {
  /** The clients at which somebody is refused, and whether something there began before they were signed out. */
  const judge = async (accountId: string): Promise<{ refused: string[]; stale: string[] }> => {
    const held = await store.sessions.held(accountId)
    const out = await Promise.all(
      held.map(
        async ({ clientId }) =>
          clientId !== HOUSE_CLIENT && (await doors.access(accountId, clientId)).access === 'none',
      ),
    )
    return {
      refused: held.filter((_, at) => out[at]).map(({ clientId }) => clientId),
      stale: held.filter(({ stale }) => stale).map(({ clientId }) => clientId),
    }
  }

  const end = async (accountId: string): Promise<void> => {
    const { refused, stale } = await judge(accountId)
    if (refused.length === 0 && stale.length === 0) return
    await store.transaction(async (stores) => {
      const at = clock.now()
      // What is stale goes by itself; what began since then at the same client stays.
      const ended = await stores.sessions.end(accountId, refused)
      await stores.outbox.add(
        ended.map(({ clientId, sid, expiresAt }) => ({
          service: logoutService(clientId),
          subject: accountId,
          effect: 'logout',
          payload: { sid, expiresAt: String(expiresAt) },
          cause: 'person',
          createdAt: at,
          dueAt: at,
        })),
      )
    })
  }

  return {
    check: () => store.check(),
    async *list() {
      for await (const page of pages(
        (after) => store.sessions.holders(after, PAGE),
        (accountId) => accountId,
      ))
        yield* page
    },
    async observe(names) {
      const rows = new Map<string, ProviderRow>()
      for (const name of names) {
        const { refused, stale } = await judge(name)
        if (refused.length > 0 || stale.length > 0) rows.set(name, { refused: [...new Set([...refused, ...stale])] })
      }
      return rows
    },
    render: () => null,
    async apply(changes, signal) {
      for (const name of changes.keys()) {
        signal.throwIfAborted()
        await end(name)
      }
    },
    close: async () => {},
  }
}
