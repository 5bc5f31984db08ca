// The services of a person, for the tiles at home: what may be used now, and what is closed and why. A few reads, however
// many sites the host has.
import type { Core } from '../core.ts'
import type { AccessAnswer } from '../domain/access.ts'
import type { Client } from '../ports.ts'

export type MyService = AccessAnswer & Pick<Client, 'clientId' | 'kind' | 'service' | 'name'> & { url: string }

/** Of the association's own: whoever agreed to a stranger's finds it among what was agreed to. Without what one is not invited to. */
export const myServices =
  ({ store, doors }: Pick<Core, 'store' | 'doors'>) =>
  async (accountId: string): Promise<MyService[]> => {
    const near = (await store.clients.near(accountId)).filter(
      ({ party, metadata }) => party === 'first' && ((metadata.redirect_uris as string[] | undefined) ?? []).length > 0,
    )
    const answers = await doors.accesses(near.map(({ clientId }) => ({ accountId, clientId })))
    return near
      .map(({ clientId, kind, service, name, metadata }, at) => ({
        clientId,
        kind,
        service,
        name,
        url: String(metadata.client_uri ?? ''),
        ...answers[at]!,
      }))
      .filter(({ reason }) => reason.code !== 'not_listed')
      .toSorted((a, b) => a.name.localeCompare(b.name))
  }
