// Clients as oidc-provider wants them: the metadata of RFC 7591 with the secret opened, and the house's own client.
import type { ClientMetadata } from 'oidc-provider'
import type { Client, Vault } from '../ports.ts'
import { secretContext } from '../usecases/clients.ts'

/** The house's own pages sign in through the provider like any client; no door is asked for them. */
export const HOUSE_CLIENT = 'schedar'
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

/** A registered client as oidc-provider wants it; undefined while it is disabled. */
export function clientPayload(client: Client, vault: Vault): ClientMetadata | undefined {
  if (client.disabledAt !== null) return undefined
  return {
    ...client.metadata,
    client_id: client.clientId,
    client_name: client.name,
    ...(client.sealedSecret && { client_secret: vault.open(client.sealedSecret, secretContext(client.clientId)) }),
    schedar_party: client.party,
    schedar_second_factor: client.secondFactor,
  } as ClientMetadata
}
