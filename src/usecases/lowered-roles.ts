// A client that keeps people's rights of its own (a SPIP site: its authors) is told at once when a role is taken or
// lowered. The call goes with the client's logout tokens: queued with the change, retried until acknowledged.
import type { Core } from '../core.ts'
import type { AccountAtClient, Cause, Client, Stores } from '../ports.ts'
import { logoutService } from '../provider-service.ts'

/** Where a client is told of lowered roles; undefined for one that asks for them at each sign-in alone. */
export const statusUriOf = ({ metadata }: Client): string | undefined =>
  typeof metadata.schedar_status_uri === 'string' ? metadata.schedar_status_uri : undefined

/** The roles of each account at each client, as things stand in this transaction. */
async function rolesAt({ access }: Stores, pairs: readonly AccountAtClient[]): Promise<(readonly string[])[]> {
  const [accounts, doors] = await Promise.all([
    access.accounts([...new Set(pairs.map(({ accountId }) => accountId))]),
    access.doors(pairs),
  ])
  return pairs.map(({ accountId }, at) => (accounts.get(accountId)?.closed === false && doors[at]?.roles) || [])
}

type Change<T> = { accountIds: readonly string[]; clientId?: string; cause: Cause; change: () => Promise<T> }

/** Within a transaction: makes a change, and queues a call to each client at which it lost somebody a role. */
export async function tellingLowered<T>(
  core: Pick<Core, 'clock'>,
  stores: Stores,
  { accountIds, clientId, cause, change }: Change<T>,
): Promise<T> {
  const clients = (await stores.clients.list()).filter(
    (client) =>
      statusUriOf(client) !== undefined &&
      client.disabledAt === null &&
      (clientId === undefined || client.clientId === clientId),
  )
  const pairs = clients.flatMap((client) => accountIds.map((accountId) => ({ accountId, clientId: client.clientId })))
  if (pairs.length === 0) return change()
  const before = await rolesAt(stores, pairs)
  const result = await change()
  const after = await rolesAt(stores, pairs)
  const at = core.clock.now()
  const row = { effect: 'status', payload: {}, cause, createdAt: at, dueAt: at } as const
  await stores.outbox.add(
    pairs
      .filter((_, n) => before[n]!.some((role) => !after[n]!.includes(role)))
      .map((pair) => ({ ...row, service: logoutService(pair.clientId), subject: pair.accountId })),
  )
  return result
}
