// A site's own mail login, which its web forms send with: made or renewed and shown once, or taken away.
import { AppError } from '../../src/domain/errors.ts'
import type { Resource } from '../../src/ports.ts'
import { makeSiteLogin, removeSiteLogin } from '../../src/usecases/site-login.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { when } from './history.ts'
import { acts, badge, facts, link, outcome, trail } from './parts.ts'
import { siteOf, sitePath } from './sites.ts'
import { peopleNamed, zoneOf } from './states.ts'

const pathOf = ({ id }: Resource): string => `/admin/sites/${id}/mail`

async function up(desk: Desk, view: View, site: Resource): Promise<Html> {
  const { memberId } = site
  const member = await desk.core.store.members.get(memberId)
  return trail(
    view,
    ['/admin/members', view.texts.t('admin.nav.members')],
    [`/admin/members/${memberId}`, member?.name ?? memberId],
    [sitePath(site), site.name],
  )
}

const button = (view: View, act: string, text: string, tone: 'main' | 'main bad'): Html =>
  html`<form method="post" class="act">${hidden(view)}<button class="${tone}" name="act" value="${act}">${text}</button></form>`

export const siteMail = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/sites/:id/mail',
    fresh: true,
    async show(_staff, view, ctx) {
      const { texts } = view
      const { t } = texts
      const site = await siteOf(desk, ctx)
      const { store } = desk.core
      const [login, stopped] = await Promise.all([
        store.mailboxes.siteLogin(site.id),
        store.quarantines.ofLogin(site.name),
      ])
      const named = await peopleNamed(desk, login ? [login.createdBy] : [])
      const title = t('admin.site_mail.title', { name: site.name })
      return {
        title,
        body: html`${await up(desk, view, site)} ${heading(title, t('admin.site_mail.text'))} ${outcome(view, ctx)} ${summary(view)}
          ${
            login
              ? html`${facts([
                  [
                    t('admin.mailbox.login'),
                    html`<code>${site.name}</code> ${stopped && badge(t('admin.outgoing.stopped_short'), 'bad')}`,
                  ],
                  [t('admin.created'), when(texts, login.createdAt, await zoneOf(desk))],
                  [t('admin.override.by'), named(login.createdBy)],
                  [
                    t('admin.nav.outgoing'),
                    link(`/admin/outgoing?login=${encodeURIComponent(site.name)}`, t('admin.outgoing.look')),
                  ],
                ])}
                <h2>${t('admin.site_mail.renew')}</h2><p>${t('admin.site_mail.renew_text')}</p>${button(view, 'make', t('admin.site_mail.renew'), 'main')}
                <h2>${t('admin.site_mail.remove')}</h2><p>${t('admin.site_mail.remove_text')}</p>${button(view, 'remove', t('admin.site_mail.remove'), 'main bad')}`
              : html`<p>${t('admin.site_mail.none_text')}</p>${button(view, 'make', t('admin.site_mail.make'), 'main')}`
          }`,
      }
    },
    async submit(staff, form, view, ctx) {
      const { t } = view.texts
      const site = await siteOf(desk, ctx)
      const about = { siteId: site.id, actor: staff.accountId }
      const act = form.get('act')
      if (act === 'remove') {
        await removeSiteLogin(desk.core)(about)
        return `${pathOf(site)}?done=changed`
      }
      if (act !== 'make') throw new AppError('bad_request')
      const { login, secret } = await makeSiteLogin(desk.core)(about)
      return {
        title: t('admin.site_mail.made'),
        body: html`${await up(desk, view, site)}
          <div role="status">${heading(t('admin.site_mail.made'), t('admin.site_mail.once'))}</div>
          ${facts([
            [t('admin.mailbox.login'), html`<code>${login}</code>`],
            [t('admin.site_mail.secret'), html`<code>${secret}</code>`],
          ])}
          <p>${t('admin.site_mail.next', { name: login })}</p> ${acts([[pathOf(site), t('admin.site_mail.back')]])}`,
      }
    },
  })
