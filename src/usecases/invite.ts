// Letters with a link: an invitation to a new account, and a new password for one who forgot. Asking for a new password
// gives the same answer whether or not the address is known.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import type { AffiliationRole } from '../domain/access.ts'
import { AppError } from '../domain/errors.ts'
import { canonical, isEmail } from '../domain/names.ts'
import type { Account, Locale } from '../ports.ts'
import { hoursOf, issueTicket } from './links.ts'
import { network, takeTry } from './throttle.ts'

export type LetterText = { subject: string; text: string }
/** Writes a letter in the person's language; the texts belong to the pages. */
export type Letters = {
  invitation(account: Account, link: string, days: number): Promise<LetterText>
  /** To somebody who is asked to join a member's people, with or without an account. */
  joining(
    to: { email: string; locale: Locale },
    member: string,
    role: AffiliationRole,
    link: string,
    days: number,
  ): Promise<LetterText>
  /** To a guest of one site, with or without an account. */
  guest(
    to: { email: string; locale: Locale },
    at: { site: string; member: string; role: string },
    link: string,
    days: number,
  ): Promise<LetterText>
  passwordReset(account: Account, link: string, minutes: number): Promise<LetterText>
}

/** Send an account its invitation; an earlier link stops working. Throws `required` when it has no address. */
export const invite =
  (core: Core, letters: Letters) =>
  async ({ account, actor }: { account: Account; actor: Actor }): Promise<void> => {
    if (account.email === null)
      throw new AppError('required', { field: 'email', detail: `${account.username} has no e-mail address` })
    const token = await core.store.transaction(async (stores) => {
      await audit(core, stores, {
        action: 'account.invited',
        actor,
        subjectKind: 'account',
        subjectId: account.id,
        payload: { username: account.username },
      })
      return issueTicket(core, stores, 'invitation', account.id)
    })
    await core.mailer.send({
      to: account.email,
      ...(await letters.invitation(account, `${core.config.issuer}/invitation/${token}`, hoursOf('invitation') / 24)),
    })
  }

const perAddress = { tries: 10, windowMs: 3_600_000 }
const perName = { tries: 3, windowMs: 3_600_000 }

async function meant(core: Core, typed: string): Promise<Account[]> {
  const name = canonical(typed)
  const byName = await core.store.accounts.byUsername(name)
  return (byName ? [byName] : isEmail(name) ? await core.store.accounts.byEmail(name) : []).filter(
    (account) => account.email !== null && account.state !== 'closed',
  )
}

/**
 * Send a link for a new password to each account that the typed name or address means, if any. Never tells which; the
 * letters leave after the answer, so that time does not tell either.
 */
export const forgotPassword =
  (core: Core, letters: Letters) =>
  async ({ identifier, address }: { identifier: string; address: string }): Promise<void> => {
    await takeTry(core)([
      { name: 'reset', key: canonical(identifier).slice(0, 320), limit: perName },
      { name: 'reset from', key: network(address), limit: perAddress },
    ])
    const send = async () => {
      for (const account of await meant(core, identifier)) {
        const token = await core.store.transaction(async (stores) => {
          await audit(core, stores, {
            action: 'account.password_reset_asked',
            actor: 'anybody',
            subjectKind: 'account',
            subjectId: account.id,
            payload: {},
          })
          return issueTicket(core, stores, 'password_reset', account.id)
        })
        await core.mailer.send({
          to: account.email!,
          ...(await letters.passwordReset(
            account,
            `${core.config.issuer}/password/${token}`,
            hoursOf('password_reset') * 60,
          )),
        })
      }
    }
    send().catch((error: unknown) => core.log.error('mail.failed', { error: String(error) }))
  }
