// A new secret for a client whose old one leaked, or went with a volunteer who left.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import { secretContext } from './clients.ts'

/** The new secret, in the answer this once and in the client's kit; the old one is worth nothing from then on. */
export const rotateClientSecret =
  (core: Core) =>
  async ({ clientId, actor }: { clientId: string; actor: Actor }): Promise<string> => {
    const secret = core.random.token(32)
    await core.store.transaction(async (stores) => {
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
    })
    return secret
  }
