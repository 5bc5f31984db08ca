// The provider itself as a service. What it should never hold is a session or grant of somebody whose access to that
// client is gone, or one that began before the account was signed out. Ending a client's session queues its logout token.
import { pages } from './domain/pages.ts'
import type { Doors } from './doors.ts'
import type { AccountSubject, Row, Service } from './plugin.ts'
import type { Clock, Store } from './ports.ts'

/** `refused`: clients at which the account still holds something it must not. */
type ProviderRow = Row & { refused: string[] }

type Judged = { refused: string[]; stale: string[] }
const nothing: Judged = { refused: [], stale: [] }

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
  /** The clients at which each is refused, and where something began before they were signed out: who holds nothing is left out. */
  const judge = async (accountIds: readonly string[]): Promise<Map<string, Judged>> => {
    const held = await store.sessions.heldBy(accountIds)
    const pairs = [...held].flatMap(([accountId, holdings]) =>
      holdings.flatMap(({ clientId }) => (clientId === HOUSE_CLIENT ? [] : { accountId, clientId })),
    )
    const answers = await doors.accesses(pairs)
    const refused = Map.groupBy(
      pairs.filter((_, at) => answers[at]!.access === 'none'),
      ({ accountId }) => accountId,
    )
    return new Map(
      [...held].map(([accountId, holdings]) => [
        accountId,
        {
          refused: (refused.get(accountId) ?? []).map(({ clientId }) => clientId),
          stale: holdings.filter(({ stale }) => stale).map(({ clientId }) => clientId),
        },
      ]),
    )
  }

  const end = async (accountId: string): Promise<void> => {
    const { refused, stale } = (await judge([accountId])).get(accountId) ?? nothing
    if (refused.length === 0 && stale.length === 0) return
    await store.transaction(async (stores) => {
      const at = clock.now()
      // What is stale goes by itself; what began since then at the same client stays.
      const ended = await stores.sessions.end(accountId, refused)
      // The house's own pages read the provider's session: nobody is to be told.
      const told = ended.filter(({ clientId }) => clientId !== HOUSE_CLIENT)
      await stores.outbox.add(
        told.map(({ clientId, sid, expiresAt }) => ({
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
      const judged = [...(await judge(names))].map(([name, { refused, stale }]): [string, ProviderRow] => [
        name,
        { refused: [...new Set([...refused, ...stale])] },
      ])
      return new Map(judged.filter(([, { refused }]) => refused.length > 0))
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
