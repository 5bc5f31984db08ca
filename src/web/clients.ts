// Clients as oidc-provider wants them: the metadata of RFC 7591 with the secret opened, and the house's own client.
import type { ClientMetadata } from 'oidc-provider'
import type { Client, ClientStore, Vault } from '../ports.ts'
import { HOUSE_CLIENT } from '../provider-service.ts'
import { secretContext } from '../usecases/clients.ts'

export const SIGNED_IN = '/signed-in'

export const houseClient = (issuer: string): ClientMetadata => ({
  client_id: HOUSE_CLIENT,
  client_name: 'Schedar',
  redirect_uris: [`${issuer}${SIGNED_IN}`],
  // The session is all that the house needs: no code, no token.
  response_types: ['none'],
  grant_types: [],
  token_endpoint_auth_method: 'none',
  schedar_party: 'first',
})

const SCOPES = 'openid offline_access profile email groups roles membership'

/**
 * What a client may ask for. `mail` opens a person's mailbox to whoever holds the token: it is for mail services alone, or
 * any hosted site could read the mail of its visitors.
 */
const scopesOf = ({ service }: Client): string => (service === 'mail' ? `${SCOPES} mail` : SCOPES)

/** A registered client as oidc-provider wants it; undefined while it is disabled. */
function clientPayload(client: Client, vault: Vault): ClientMetadata | undefined {
  if (client.disabledAt !== null) return undefined
  return {
    ...client.metadata,
    client_id: client.clientId,
    client_name: client.name,
    ...(client.sealedSecret && { client_secret: vault.open(client.sealedSecret, secretContext(client.clientId)) }),
    scope: scopesOf(client),
    schedar_party: client.party,
    schedar_second_factor: client.secondFactor,
  } as ClientMetadata
}

/**
 * Registered clients for the provider, read each time. The store gives the same object while nothing of a client changed:
 * what was made of it, its secret opened, is kept with that object and goes with it.
 */
export function clientSource(clients: Pick<ClientStore, 'get'>, vault: Vault) {
  const made = new WeakMap<Client, ClientMetadata>()
  return async (clientId: string): Promise<ClientMetadata | undefined> => {
    const client = await clients.get(clientId)
    const payload = client && (made.get(client) ?? clientPayload(client, vault))
    if (client && payload) made.set(client, payload)
    return payload
  }
}
