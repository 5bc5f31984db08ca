// A letter to every administrator when the guard begins to hold a night's removals: nothing closes by itself until one of
// them has looked, so somebody has to know.
import type { Core } from '../core.ts'
import type { Account } from '../ports.ts'
import type { LetterText } from './invite.ts'
import type { HeldRemovals } from './nightly.ts'

export type HeldLetters = { held(to: Account, held: HeldRemovals, link: string): Promise<LetterText> }

const MOST = 100

/** One that cannot be sent stops no other. */
export const tellHeld =
  (core: Pick<Core, 'store' | 'mailer' | 'config' | 'log'>, letters: HeldLetters) =>
  async (held: HeldRemovals): Promise<void> => {
    const admins = await core.store.accounts.list({ staff: 'admin', limit: MOST })
    for (const admin of admins.filter(({ state }) => state !== 'closed')) {
      if (!admin.email) continue
      try {
        const letter = await letters.held(admin, held, `${core.config.issuer}/admin/held`)
        await core.mailer.send({ to: admin.email, ...letter })
      } catch (error) {
        core.log.warn('guard.letter_failed', { account: admin.id, error: String(error) })
      }
    }
  }
