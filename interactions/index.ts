// All pages, in one list.
import type Router from '@koa/router'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { AppError } from '../src/domain/errors.ts'
import type { Letters } from '../src/usecases/invite.ts'
import type { App, Pages } from '../src/web/app.ts'
import { SIGNED_IN } from '../src/web/clients.ts'
import { isHousePath } from '../src/web/house.ts'
import { mount } from '../src/web/page.ts'
import type { ProviderPages } from '../src/web/provider.ts'
import { accountActs, accountSecondFactor } from './account.ts'
import type { Desk } from './desk.ts'
import { errorPage, oauthErrorPage } from './error.ts'
import { forgotten } from './forgotten.ts'
import { home } from './home.ts'
import { type Look, layout } from './layout.ts'
import { loggedOutPage, logoutPage } from './logout.ts'
import { passwordByHand, passwordByLink } from './password.ts'
import { setUp } from './set-up.ts'
import { step } from './step.ts'

export function createPages(desk: Desk, letters: Letters, look: () => Promise<Look>): Pages {
  return {
    document: async (texts, { title, body }, path) => layout(texts, await look(), { title, body, path }),
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
      for (const page of accountActs(desk)) mount(router, page, frame)
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
    const texts = app().texts(ctx)
    const status = ctx.status
    if (status >= 500)
      return app().respond(ctx, { ...errorPage(texts, new AppError('unexpected', { cause: error }), '—'), status })
    if (error.name === 'SessionNotFound')
      return app().respond(ctx, { ...errorPage(texts, new AppError('interaction_expired'), '—'), status })
    return app().respond(ctx, { ...oauthErrorPage(texts, out.error), status })
  },
})
