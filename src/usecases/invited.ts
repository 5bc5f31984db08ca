// What every invitation by letter has in common, whatever one is invited to: its language, whether the address has an account, who
// may say yes, and the account that somebody new makes.
import { audit, type Core } from '../core.ts'
import { AppError } from '../domain/errors.ts'
import type { Account, Locale, Member, Stores } from '../ports.ts'
import { newAccount } from './accounts.ts'

const LONGEST_NAME = 100

/** In the language of the account that has the address, else of the member. */
export async function localeFor({ store }: Pick<Core, 'store'>, email: string, member: Member): Promise<Locale> {
  const [account, other] = await store.accounts.byEmail(email)
  return account && !other ? account.locale : member.locale
}

export const hasAccount = async ({ accounts }: Pick<Stores, 'accounts'>, email: string): Promise<boolean> =>
  (await accounts.byEmail(email)).some(({ state }) => state !== 'closed')

/** Throws `forbidden` for an account without the address that the letter went to: in other hands a link adds nobody else. */
export async function mustBeAsked(
  { accounts }: Pick<Stores, 'accounts'>,
  { accountId, email }: { accountId: string; email: string },
): Promise<void> {
  const account = await accounts.get(accountId)
  if (!account || account.state === 'closed' || account.email !== email)
    throw new AppError('forbidden', { detail: 'this invitation was sent to the address of somebody else' })
}

function checkedName(field: 'givenName' | 'familyName', typed: string): string {
  const name = typed.normalize('NFC').trim()
  if (name === '') throw new AppError('required', { field, detail: `${field} is needed` })
  if (name.length > LONGEST_NAME || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name))
    throw new AppError('invalid_value', { field, detail: `${field}: 1 to ${LONGEST_NAME} characters, on one line` })
  return name
}

/** As somebody typed it. */
export type Newcomer = { givenName: string; familyName: string; locale: Locale }

/** Within a transaction: an account with the address that the letter went to. `by`: what the letter was, for the audit. */
export async function addNewcomer(
  core: Core,
  stores: Stores,
  { givenName, familyName, locale }: Newcomer,
  { email, by }: { email: string; by: 'guest' | 'invitation' },
): Promise<Account> {
  const account = await newAccount(core, stores, {
    givenName: checkedName('givenName', givenName),
    familyName: checkedName('familyName', familyName),
    email,
    locale,
  })
  await stores.accounts.add(account)
  await audit(core, stores, {
    action: 'account.added',
    actor: account.id,
    subjectKind: 'account',
    subjectId: account.id,
    payload: { username: account.username, by },
  })
  return account
}
