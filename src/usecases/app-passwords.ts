// App passwords: made and shown once, listed, revoked, checked. Services are told of each change as of any other; one that
// keeps its own copy (a passwd-file) reads which are live from the store.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import {
  type AppPasswordScope,
  appPasswordDigest,
  appPasswordScopes,
  groupedDigest,
  isAppPasswordScope,
  newAppPassword,
} from '../domain/app-passwords.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import type { AppPassword, Stores } from '../ports.ts'
import { type Touched, touch } from './subjects.ts'

/** Live ones of an account. */
export const MOST_APP_PASSWORDS = 25
const LONGEST_NAME = 100

/** One as people see it: nothing in it opens anything. */
export type AppPasswordListed = Pick<AppPassword, 'id' | 'name' | 'scopes' | 'createdAt' | 'createdBy' | 'lastUsedAt'>

/** Those that are not revoked, the oldest first. */
export const listAppPasswords =
  ({ store }: Pick<Core, 'store'>) =>
  async (accountId: string): Promise<AppPasswordListed[]> =>
    (await store.appPasswords.ofAccount(accountId)).map(({ id, name, scopes, createdAt, createdBy, lastUsedAt }) => ({
      id,
      name,
      scopes,
      createdAt,
      createdBy,
      lastUsedAt,
    }))

function checkedName(typed: string): string {
  const name = typed.normalize('NFC').trim()
  if (name === '')
    throw new AppError('required', { field: 'name', detail: 'name it after the program or device that will use it' })
  // It is shown to others, on terminals too.
  if (name.length > LONGEST_NAME || /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(name))
    throw new AppError('invalid_value', {
      field: 'name',
      detail: `a name has 1 to ${LONGEST_NAME} characters and no control character`,
    })
  return name
}

/** Each once, in the order of the list. */
function checkedScopes(typed: readonly string[]): AppPasswordScope[] {
  const unknown = typed.find((scope) => !isAppPasswordScope(scope))
  if (typed.length === 0 || unknown !== undefined)
    throw new AppError(unknown === undefined ? 'required' : 'invalid_value', {
      field: 'scopes',
      detail: `the scopes are one or more of ${appPasswordScopes.join(', ')}`,
    })
  return appPasswordScopes.filter((scope) => typed.includes(scope))
}

/** Asked after the audit's append, which lets one at a time through: two must not both be the twenty-fifth. */
async function checkRoom(stores: Stores, accountId: string, name: string): Promise<void> {
  const account = await stores.accounts.get(accountId)
  if (!account) throw new AppError('not_found', { detail: 'there is no such account' })
  if (account.state === 'closed') throw new AppError('forbidden', { detail: `${account.username} is closed` })
  const live = await stores.appPasswords.ofAccount(accountId)
  // A page sent twice makes one; and the name is all by which a person knows which one to revoke.
  if (live.some((other) => other.name === name))
    throw new AppError('conflict', { field: 'name', detail: `there is an app password ${name} already` })
  if (live.length >= MOST_APP_PASSWORDS)
    throw new AppError('conflict', {
      detail: `${account.username} has ${MOST_APP_PASSWORDS} app passwords; revoke one first`,
    })
}

/** Make one. The secret, in the one form without spaces, is in the answer this once and nowhere else. */
export const makeAppPassword =
  (core: Core) =>
  async (input: {
    accountId: string
    name: string
    scopes: readonly string[]
    actor: Actor
  }): Promise<{ appPassword: AppPasswordListed; secret: string }> => {
    const { accountId, actor } = input
    const [name, scopes] = [checkedName(input.name), checkedScopes(input.scopes)]
    const secret = newAppPassword(core.random.token)
    const at = core.clock.now()
    const listed = { id: core.random.uuid(), name, scopes, createdAt: at, createdBy: actor, lastUsedAt: null }
    await core.store.transaction(async (stores) => {
      await audit(core, stores, {
        action: 'app_password.made',
        actor,
        subjectKind: 'account',
        subjectId: accountId,
        payload: { id: listed.id, name, scopes },
      })
      await checkRoom(stores, accountId, name)
      await stores.appPasswords.add({
        ...listed,
        accountId,
        digest: appPasswordDigest(secret),
        groupedDigest: groupedDigest(secret),
        revokedAt: null,
        revokedBy: null,
      })
      await touch(core, stores, { accountId }, 'person')
    })
    core.wake()
    return { appPassword: listed, secret }
  }

type Revoked = { revoked: number; touched: Touched[] }

const revokeThose =
  (core: Core, isMeant: (appPassword: AppPassword) => boolean) =>
  async ({ accountId, actor }: { accountId: string; actor: Actor }): Promise<Revoked> => {
    const done = await core.store.transaction(async (stores): Promise<Revoked> => {
      let revoked = 0
      // Only among the account's own: the id of somebody else's is the id of none.
      for (const { id, name } of (await stores.appPasswords.ofAccount(accountId)).filter(isMeant)) {
        if (!(await stores.appPasswords.revoke(id, core.clock.now(), actor))) continue
        revoked++
        await audit(core, stores, {
          action: 'app_password.revoked',
          actor,
          subjectKind: 'account',
          subjectId: accountId,
          payload: { id, name },
        })
      }
      return { revoked, touched: revoked > 0 ? await touch(core, stores, { accountId }, 'person') : [] }
    })
    core.wake()
    return done
  }

/** Revoke one of an account's own, at once; `revoked` is 0 when it has none of this id (any more). */
export const revokeAppPassword =
  (core: Core) =>
  ({ id, ...who }: { accountId: string; id: string; actor: Actor }): Promise<Revoked> =>
    revokeThose(core, (appPassword) => appPassword.id === id)(who)

/** Revoke all of an account's. */
export const revokeAllAppPasswords =
  (core: Core) =>
  (who: { accountId: string; actor: Actor }): Promise<Revoked> =>
    revokeThose(core, () => true)(who)

/** A mail program signs in every few minutes: its last use is right to a minute, and most sign-ins write nothing. */
const USE_MS = 60_000
const LONGEST_TYPED = 1024

async function noteUse({ store, clock, log }: Core, { id, lastUsedAt }: AppPassword): Promise<void> {
  const at = clock.now()
  if (lastUsedAt !== null && at - lastUsedAt < USE_MS) return
  // A full disk must not keep people from their mail.
  await store.appPasswords
    .used(id, at)
    .catch((error: unknown) => log.warn('app_password.use_not_noted', { error: String(error) }))
}

/**
 * The app password that this is, if it is one of the login's or account's and opens `scope`; undefined otherwise, after the
 * same work and without a word why. Whether the account has access is asked at the doors, not here.
 */
export const verifyAppPassword =
  (core: Core) =>
  async (
    loginOrAccountId: string,
    secret: string,
    scope: AppPasswordScope,
  ): Promise<{ accountId: string; id: string } | undefined> => {
    const name = loginOrAccountId.length > 320 ? '' : canonical(loginOrAccountId)
    const { subjects, appPasswords } = core.store
    const [login, account, found] = await Promise.all([
      subjects.get('login', name),
      subjects.get('account', name),
      appPasswords.byDigest(appPasswordDigest(secret.length > LONGEST_TYPED ? '' : secret)),
    ])
    const owners = [login, account].map((subject) => subject && 'accountId' in subject && subject.accountId)
    if (!found || !owners.includes(found.accountId) || !found.scopes.includes(scope)) return undefined
    await noteUse(core, found)
    return { accountId: found.accountId, id: found.id }
  }
