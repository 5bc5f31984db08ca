// What an admin does about outgoing mail: stop a login, let it send again, decide about messages that are held.
import { AppError } from '../../src/domain/errors.ts'
import { canonical } from '../../src/domain/names.ts'
import { liftQuarantine, quarantineLogin } from '../../src/usecases/quarantine.ts'
import { html } from '../../src/web/html.ts'
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { field } from '../parts.ts'
import { type Act, actPage } from './act.ts'
import { type Staff, staffPage } from './frame.ts'
import { showOutgoing } from './outgoing.ts'
import { OUTGOING, ofLogin } from './outgoing-parts.ts'
import { area, asked } from './parts.ts'

const stop = (desk: Desk): Act<string> => ({
  path: `${OUTGOING}/stop`,
  find: async (ctx) => canonical(asked(ctx, 'login')),
  back: (_login, { texts: { t } }) => [OUTGOING, t('admin.nav.outgoing')],
  title: 'admin.outgoing.stop',
  lead: 'admin.outgoing.stop_text',
  button: 'admin.outgoing.stop_act',
  closes: true,
  own: ['login', 'reason'],
  fields(login, view) {
    const { t } = view.texts
    return html`${field(view, { name: 'login', label: t('admin.mailbox.login'), autocomplete: 'off', value: login, hint: t('admin.outgoing.login_hint') })}
      ${area(view, { name: 'reason', label: t('admin.why'), hint: t('admin.outgoing.reason_hint'), maxlength: 500 })}`
  },
  async work(_login, form, { accountId: actor }) {
    const login = canonical(form.get('login'))
    const detail = form.get('reason').trim()
    if (detail === '') throw new AppError('required', { field: 'reason' })
    if ((await desk.core.store.subjects.get('login', login)) === undefined)
      throw new AppError('invalid_value', { field: 'login', detail: 'there is no such login' })
    await quarantineLogin(desk.core)({ login, detail, actor })
    return `${ofLogin(login)}&done=changed`
  },
})

/** One click beside each login that is stopped. Done already by somebody else, it is as wanted. */
const allow = (desk: Desk): Page<Staff> =>
  staffPage(desk, {
    path: `${OUTGOING}/allow`,
    show: showOutgoing(desk),
    async submit(staff, form) {
      await liftQuarantine(desk.core)({ id: form.get('id'), actor: staff.accountId }).catch((error: unknown) => {
        if (!(error instanceof AppError && error.code === 'not_found')) throw error
      })
      const login = canonical(form.get('login'))
      return login === '' ? `${OUTGOING}?done=changed` : `${ofLogin(login)}&done=changed`
    },
  })

export const outgoingActs = (desk: Desk): Page<Staff>[] => [actPage(desk, stop(desk)), allow(desk)]
