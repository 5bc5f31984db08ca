// A site's own login: what its web forms send with, so that their mail is a member's mail, counted and stoppable.
import type { Actor, Core } from '../core.ts'
import { audit } from '../core.ts'
import { appPasswordDigest, newAppPassword } from '../domain/app-passwords.ts'
import { AppError } from '../domain/errors.ts'
import type { KitFile, Plugin } from '../plugin.ts'
import { existing } from './mailboxes.ts'
import { organisationNamed } from './members.ts'
import { touch } from './subjects.ts'

/** Makes the site's secret, or a new one in place of the old. It is in the answer this once; the login is the site's name. */
export const makeSiteLogin =
  (core: Core) =>
  async ({ siteId, actor }: { siteId: string; actor: Actor }): Promise<{ login: string; secret: string }> => {
    const secret = newAppPassword(core.random.token)
    const login = await core.store.transaction(async (stores) => {
      const { name, memberId } = await existing(stores, siteId, 'site')
      const before = await stores.mailboxes.siteLogin(siteId)
      await stores.mailboxes.setSiteLogin({
        siteId,
        digest: appPasswordDigest(secret),
        createdAt: core.clock.now(),
        createdBy: actor,
      })
      await audit(core, stores, {
        action: before ? 'site_login.renewed' : 'site_login.made',
        actor,
        subjectKind: 'site',
        subjectId: siteId,
        payload: { login: name },
      })
      // The whole member: the site may write as each of its addresses.
      await touch(core, stores, { memberId }, 'person')
      return name
    })
    core.wake()
    return { login, secret }
  }

/** The files for the machine of a site, with the secret of its login. Throws what the plugin says of its configuration and options. */
export const siteKit =
  (core: Pick<Core, 'store' | 'config' | 'random'>) =>
  async (
    site: string,
    secret: string,
    { kit }: Pick<Plugin, 'kit'>,
    config: unknown,
    options: Record<string, string>,
  ): Promise<KitFile[]> => {
    if (!kit) throw new AppError('invalid_value', { detail: 'this plugin has no kit' })
    const { name } = await organisationNamed(core.store)
    const client = { clientId: site, clientSecret: secret, redirectUris: [], postLogoutRedirectUris: [] }
    return kit({
      issuer: core.config.issuer,
      associationName: name,
      url: `https://${site}`,
      client,
      options,
      config,
      random: core.random.token,
    })
  }

/** From then on the site's forms send nothing. */
export const removeSiteLogin =
  (core: Core) =>
  async ({ siteId, actor }: { siteId: string; actor: Actor }): Promise<void> => {
    await core.store.transaction(async (stores) => {
      const { name, memberId } = await existing(stores, siteId, 'site')
      if (!(await stores.mailboxes.siteLogin(siteId)))
        throw new AppError('not_found', { detail: `${name} has no login of its own` })
      await touch(core, stores, { memberId }, 'person')
      await stores.mailboxes.removeSiteLogin(siteId)
      await audit(core, stores, {
        action: 'site_login.removed',
        actor,
        subjectKind: 'site',
        subjectId: siteId,
        payload: { login: name },
      })
    })
    core.wake()
  }
