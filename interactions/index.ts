// All pages, in one list.
import type Router from '@koa/router'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { AppError } from '../src/domain/errors.ts'
import type { Letters } from '../src/usecases/invite.ts'
import type { App, Pages } from '../src/web/app.ts'
import { SIGNED_IN } from '../src/web/clients.ts'
import { mountForwardAuth } from '../src/web/forward-auth.ts'
import { isHousePath } from '../src/web/house.ts'
import { mount } from '../src/web/page.ts'
import type { ProviderPages } from '../src/web/provider.ts'
import { accountActs, accountRecoveryCodes, accountSecondFactor } from './account.ts'
import { mountAdmin } from './admin/index.ts'
import { appPasswords, newAppPassword } from './app-passwords.ts'
import type { Desk } from './desk.ts'
import { dues, receipt } from './dues.ts'
import { errorPage, oauthErrorPage } from './error.ts'
import { forgotten } from './forgotten.ts'
import { tellAtSite } from './forward-auth.ts'
import { home } from './home.ts'
import { accepting, joining, toMember, toSite } from './joining.ts'
import { type Look, layout } from './layout.ts'
import { loggedOutPage, logoutPage } from './logout.ts'
import { mail, mailPhone, mountProfile } from './mail.ts'
import { mailTrace } from './mail-trace.ts'
import { passwordByHand, passwordByLink } from './password.ts'
import { people } from './people.ts'
import { setUp } from './set-up.ts'
import { siteKit, siteSecret } from './site-acts.ts'
import { siteGuests } from './site-guests.ts'
import { newSite, pendingSite } from './site-register.ts'
import { site, sites } from './sites.ts'
import { step } from './step.ts'

export function createPages(desk: Desk, letters: Letters, look: () => Promise<Look>): Pages {
  let seen: Look | undefined
  /** A database that is away must not take the page that says so with it. */
  const lookNow = async (): Promise<Look> => {
    seen = await look().catch((error: unknown) => {
      if (seen) return seen
      throw error
    })
    return seen
  }
  return {
    document: async (texts, shown, here) => layout(texts, await lookNow(), { ...shown, here }),
    error: errorPage,
    mount(router: Router, frame) {
      mount(router, step(desk), frame)
      mount(router, forgotten(desk, letters), frame)
      mount(router, passwordByLink(desk, 'invitation'), frame)
      mount(router, passwordByLink(desk, 'password_reset'), frame)
      mount(router, setUp(desk), frame)
      mount(router, home(desk), frame)
      mount(router, passwordByHand(desk), frame)
      mount(router, accountSecondFactor(desk), frame)
      mount(router, accountRecoveryCodes(desk), frame)
      mount(router, dues(desk), frame)
      mount(router, receipt(desk), frame)
      mount(router, appPasswords(desk), frame)
      mount(router, newAppPassword(desk), frame)
      mount(router, mail(desk), frame)
      mount(router, mailPhone(desk), frame)
      mount(router, mailTrace(desk), frame)
      mountProfile(router, desk)
      mount(router, people(desk, letters), frame)
      mount(router, sites(desk), frame)
      // Before the page of one: «new» is no site.
      mount(router, newSite(desk), frame)
      mount(router, pendingSite(desk), frame)
      mount(router, site(desk), frame)
      mount(router, siteGuests(desk, letters), frame)
      mount(router, siteKit(desk), frame)
      mount(router, siteSecret(desk), frame)
      mount(router, joining(desk, toMember(desk)), frame)
      mount(router, accepting(desk, toMember(desk)), frame)
      mount(router, joining(desk, toSite(desk)), frame)
      mount(router, accepting(desk, toSite(desk)), frame)
      for (const page of accountActs(desk)) mount(router, page, frame)
      mountAdmin(router, desk, letters, frame)
      mountForwardAuth(router, { ...desk, sessions: desk.siteSessions, tell: tellAtSite(desk, frame.texts) })
      router.get(SIGNED_IN, (ctx) => {
        const state = String(ctx.query.state ?? '/')
        ctx.redirect(isHousePath(state) ? state : '/')
      })
    },
  }
}

/** The pages that oidc-provider asks for by itself. */
export const createProviderPages = (desk: Desk, app: () => App): ProviderPages => ({
  logoutSource: async (ctx, form) => app().respond(ctx, await logoutPage(desk, ctx, form, app().texts(ctx))),
  loggedOutSource: (ctx) => app().respond(ctx, loggedOutPage(app().texts(ctx))),
  renderError: (ctx: KoaContextWithOIDC, out, error) => {
    const { status } = ctx
    if (status >= 500 || error.name === 'SessionNotFound') return app().refuse(ctx, error)
    return app().respond(ctx, { ...oauthErrorPage(app().texts(ctx), out.error), status })
  },
  notFound: (ctx) => app().refuse(ctx, new AppError('not_found')),
})
