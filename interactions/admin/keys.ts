// The signing keys: which sign, which come next, which went; and the act of moving on.
import type { SigningKey } from '../../src/ports.ts'
import { PUBLISH_AFTER_MS, PUBLISH_BEFORE_MS, rotateKeys } from '../../src/usecases/keys.ts'
import { type Html, html } from '../../src/web/html.ts'
import type { Page, View } from '../../src/web/page.ts'
import type { TextKey } from '../../src/web/texts.ts'
import type { Desk } from '../desk.ts'
import { heading, hidden, summary } from '../parts.ts'
import { type Staff, staffPage } from './frame.ts'
import { historyOf, when } from './history.ts'
import { acts, badge, listed, outcome, tick, trail } from './parts.ts'
import { zoneOf } from './states.ts'

const states = {
  current: ['admin.keys.current', 'good'],
  next: ['admin.keys.next', 'warn'],
  retired: ['admin.keys.retired', 'quiet'],
} as const satisfies Record<SigningKey['state'], readonly [TextKey, 'good' | 'warn' | 'quiet']>
const order = Object.keys(states)

const up = (view: View): Html =>
  trail(view, ['/admin/clients', view.texts.t('admin.nav.clients')], ['/admin/keys', view.texts.t('admin.keys.title')])

/** What time does with it by itself. */
function then({ texts }: View, { state, changedAt }: SigningKey, zone: string): Html | string {
  if (state === 'next')
    return html`${texts.t('admin.keys.signs_from')} ${when(texts, changedAt + PUBLISH_BEFORE_MS, zone)}`
  if (state === 'retired')
    return html`${texts.t('admin.keys.kept_until')} ${when(texts, changedAt + PUBLISH_AFTER_MS, zone)}`
  return ''
}

export const keys = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/keys',
    async show(staff, view, ctx) {
      const { t } = view.texts
      const zone = await zoneOf(desk)
      const all = (await desk.core.store.keys.list()).toSorted(
        (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || b.changedAt - a.changedAt,
      )
      return {
        title: t('admin.keys.title'),
        body: html`${trail(view, ['/admin/clients', t('admin.nav.clients')])} ${heading(t('admin.keys.title'), t('admin.keys.text'))} ${outcome(view, ctx)}
          ${acts([['/admin/keys/rotate', t('admin.keys.rotate'), 'main']])}
          ${listed(
            t('admin.keys.list'),
            [
              t('admin.state'),
              t('admin.keys.alg'),
              t('admin.keys.kid'),
              t('admin.created'),
              t('admin.services.since'),
              t('admin.keys.then'),
            ],
            all.map((key) => {
              const [name, tone] = states[key.state]
              return [
                badge(t(name), tone),
                key.alg,
                html`<code>${key.kid}</code>`,
                when(view.texts, key.createdAt, zone),
                when(view.texts, key.changedAt, zone),
                then(view, key, zone),
              ]
            }),
            t('admin.history.none'),
          )}
          ${await historyOf(desk, staff, view, 'signing')}`,
      }
    },
  })

/** When the keys that are published already will sign; undefined when there are none, or they may sign now. */
async function waitingUntil({ core }: Desk): Promise<number | undefined> {
  const from = (await core.store.keys.list())
    .filter(({ state }) => state === 'next')
    .map(({ changedAt }) => changedAt + PUBLISH_BEFORE_MS)
  const earliest = Math.min(...from)
  return from.length > 0 && earliest > core.clock.now() ? earliest : undefined
}

export const rotateKeysPage = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: '/admin/keys/rotate',
    async show(_staff, view) {
      const { t } = view.texts
      const waiting = await waitingUntil(desk)
      const lead = waiting === undefined ? t('admin.keys.rotate_text') : undefined
      return {
        title: t('admin.keys.rotate'),
        body: html`${up(view)} ${heading(t('admin.keys.rotate'), lead)} ${summary(view)}
          ${waiting !== undefined && html`<p class="notice warn">${t('admin.keys.waiting', { at: view.texts.moment(waiting, await zoneOf(desk)) })}</p>`}
          <form method="post" class="act">${hidden(view)}
            <fieldset><legend>${t('admin.keys.leak')}</legend>${tick('force', 'yes', t('admin.keys.force'))}<p class="hint">${t('admin.keys.force_text')}</p></fieldset>
            <button class="main bad">${t('admin.keys.rotate')}</button><a class="button" href="/admin/keys">${t('cancel')}</a></form>`,
      }
    },
    async submit(staff, form) {
      await rotateKeys(desk.core)({ actor: staff.accountId, force: form.has('force') })
      return '/admin/keys?done=changed'
    },
  })
