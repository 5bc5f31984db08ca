// An act of the staff on one thing: its own page says what will happen and asks for what is needed; sending it does it.
import type { Context } from 'koa'
import type { Form } from '../../src/web/forms.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { trail } from './parts.ts'
import type { AdminPath } from './rights.ts'

export type Act<T> = {
  path: AdminPath
  /** What it is done to. Throws `not_found`. */
  find(ctx: Context): Promise<T>
  /** The page it belongs to, where «cancel» leads. */
  back(found: T, view: View): readonly [href: string, name: string]
  title: TextKey
  /** What will happen. */
  lead: TextKey
  button: TextKey
  /** It closes something. */
  closes?: boolean
  fields?(found: T, view: View): Html | Promise<Html>
  /** Names of the fields that show their own mistakes. */
  own?: readonly string[]
  /** Does it; where to go next. */
  work(found: T, form: Form, staff: Staff, ctx: Context): Promise<string>
}

export const actPage = <T>(desk: Desk, act: Act<T>): Page<Staff> =>
  staffPage(desk, {
    path: act.path,
    async show(_staff, view, ctx) {
      const found = await act.find(ctx)
      const [href, name] = act.back(found, view)
      const { t } = view.texts
      const title = t(act.title, { name })
      return {
        title,
        body: html`${trail(view, [href, name])} ${heading(title, t(act.lead, { name }))} ${summary(view, act.own ?? [])}
          <form method="post" class="act">
            ${hidden(view)} ${act.fields && (await act.fields(found, view))}
            <button class="main ${act.closes && 'bad'}">${t(act.button)}</button>
            <a class="button" href="${href}">${t('cancel')}</a>
          </form>`,
      }
    },
    submit: async (staff, form, _view, ctx) => act.work(await act.find(ctx), form, staff, ctx),
  })
