// What a person agreed that third-party services may know: remembered, shown, withdrawable.
import type { Core } from '../core.ts'
import { audit } from '../core.ts'
import { logoutService } from '../provider-service.ts'

export const giveConsent =
  (core: Core) =>
  (accountId: string, clientId: string, scopes: readonly string[]): Promise<void> =>
    core.store.transaction(async (stores) => {
      const before = (await stores.consents.get(accountId, clientId))?.scopes ?? []
      await stores.consents.put(accountId, clientId, [...before, ...scopes], core.clock.now())
      await audit(core, stores, {
        action: 'consent.given',
        actor: accountId,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { clientId, scopes },
      })
    })

/** Withdraw it: the client's grants and tokens for this person are gone, and it is told to sign them out. */
export const withdrawConsent =
  (core: Core) =>
  async (accountId: string, clientId: string): Promise<void> => {
    await core.store.transaction(async (stores) => {
      if (!(await stores.consents.get(accountId, clientId))) return
      await stores.consents.withdraw(accountId, clientId)
      const at = core.clock.now()
      const ended = await stores.sessions.end(accountId, [clientId])
      await stores.outbox.add(
        ended.map(({ clientId: client, sid, expiresAt }) => ({
          service: logoutService(client),
          subject: accountId,
          effect: 'logout',
          payload: { sid, expiresAt: String(expiresAt) },
          cause: 'person',
          createdAt: at,
          dueAt: at,
        })),
      )
      await audit(core, stores, {
        action: 'consent.withdrawn',
        actor: accountId,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { clientId },
      })
    })
    core.wake()
  }
