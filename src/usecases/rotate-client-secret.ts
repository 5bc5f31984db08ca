// A new secret for a client whose old one leaked, or went with a volunteer who left.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Stores } from '../ports.ts'
import { secretContext } from './clients.ts'

/** Within a transaction. */
export async function rotateClientSecretIn(
  core: Core,
  stores: Stores,
  clientId: string,
  actor: Actor,
): Promise<string> {
  const secret = core.random.token(32)
  const client = await stores.clients.get(clientId)
  if (!client) throw new AppError('not_found', { detail: `there is no client ${clientId}` })
  if (client.sealedSecret === null) throw new AppError('conflict', { detail: 'this client has no secret' })
  await stores.clients.update({ ...client, sealedSecret: core.vault.seal(secret, secretContext(clientId)) })
  await audit(core, stores, {
    action: 'client.secret_rotated',
    actor,
    subjectKind: 'client',
    subjectId: clientId,
    payload: {},
  })
  return secret
}

/** The new secret, in the answer this once and in the client's kit; the old one is worth nothing from then on. */
export const rotateClientSecret =
  (core: Core) =>
  ({ clientId, actor }: { clientId: string; actor: Actor }): Promise<string> =>
    core.store.transaction((stores) => rotateClientSecretIn(core, stores, clientId, actor))
