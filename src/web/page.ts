// Every page has one shape: guard, show, submit, and on a person's mistake show again with the field marked. Method, size,
// CSRF, parsing and errors are done here once for all.
import type Router from '@koa/router'
import type { Context } from 'koa'
import { AppError } from '../domain/errors.ts'
import type { Csrf } from './csrf.ts'
import { type Form, readForm } from './forms.ts'
import type { Html } from './html.ts'
import type { Texts } from './texts.ts'
import { readUpload } from './upload.ts'

/** What went wrong with a submitted form: the sentence, and the field it belongs to. */
export type Mistake = { field: string | undefined; message: string }

export type View = {
  texts: Texts
  /** The hidden field that every form carries. */
  csrfToken: string
  /** What was typed, so that nothing has to be typed again; passwords never come back. */
  typed: Form | undefined
  mistake: Mistake | undefined
}

export type Shown = {
  title: string
  body: Html
  /** Origins besides our own that a form on this page may end up at (CSP form-action counts redirects). */
  formOrigins?: readonly string[]
  status?: number
  /** What goes over the card, such as the navigation of the staff's pages; the card is then a wide one. */
  navigation?: Html
  /** For pages with more beside one another than a form has. */
  wide?: boolean
  /** Seconds after which a browser without JavaScript loads the page again. */
  refreshSeconds?: number
}

/** `T` is what the guard found: an account, an interaction. */
export type Page<T> = {
  path: string
  guard(ctx: Context): Promise<T>
  show(found: T, view: View, ctx: Context): Promise<Shown> | Shown
  /** Octets of the file that its form may bring along. */
  largestFile?: number
  /** Does the work; where to go next, or what to show. */
  submit?(found: T, form: Form, view: View, ctx: Context): Promise<string | Shown | undefined>
}

export type Frame = {
  texts(ctx: Context): Texts
  csrf: Csrf
  respond(ctx: Context, shown: Shown, texts: Texts): Promise<void> | void
}

/** The sentence for an error, in the person's language. */
export function sentence(texts: Texts, { code, params }: Pick<AppError, 'code' | 'params'>): string {
  const told = Object.entries(params).map(([name, value]) => [
    name,
    name.endsWith('On') ? texts.day(`${value}`) : value,
  ])
  return texts.t(`error.${code}`, Object.fromEntries(told))
}

async function submitted<T>(page: Page<T>, frame: Frame, ctx: Context, found: T, texts: Texts): Promise<void> {
  const form = page.largestFile ? await readUpload(ctx, page.largestFile) : await readForm(ctx)
  frame.csrf.check(ctx, form.get('csrf'))
  const view: View = { texts, csrfToken: frame.csrf.token(ctx), typed: form, mistake: undefined }
  try {
    const next = await page.submit!(found, form, view, ctx)
    if (typeof next === 'string') {
      ctx.status = 303
      ctx.redirect(next)
    } else if (next) await frame.respond(ctx, next, texts)
  } catch (error) {
    // A person's mistake: the page again, with what was typed. Anything else is for the one handler.
    const mistaken =
      error instanceof AppError &&
      error.expose &&
      error.status < 500 &&
      !['link_expired', 'interaction_expired', 'forbidden', 'csrf'].includes(error.code)
    if (!mistaken) throw error
    const again = await page.show(
      found,
      { ...view, mistake: { field: error.field, message: sentence(texts, error) } },
      ctx,
    )
    await frame.respond(ctx, { ...again, status: error.status }, texts)
  }
}

/** Puts a page on the router. */
export function mount<T>(router: Router, page: Page<T>, frame: Frame): void {
  router.get(page.path, async (ctx) => {
    const texts = frame.texts(ctx)
    const found = await page.guard(ctx)
    // A guard may have sent the person elsewhere.
    if (ctx.response.get('location')) return
    await frame.respond(
      ctx,
      await page.show(found, { texts, csrfToken: frame.csrf.token(ctx), typed: undefined, mistake: undefined }, ctx),
      texts,
    )
  })
  if (page.submit)
    router.post(page.path, async (ctx) => {
      const texts = frame.texts(ctx)
      const found = await page.guard(ctx)
      if (ctx.response.get('location')) return
      await submitted(page, frame, ctx, found, texts)
    })
}
