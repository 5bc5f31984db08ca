// Who of the staff may read which page and do which act: the one table. Whatever is not in it is nobody's.
import { type AccountInForce, type StaffRole, staffRoles } from '../../src/ports.ts'

/** `read` opens the page, `act` sends its form. */
type Right = { read: readonly StaffRole[]; act?: readonly StaffRole[] }

const anyone: readonly StaffRole[] = staffRoles
const admin: readonly StaffRole[] = ['admin']
const books: readonly StaffRole[] = ['admin', 'treasurer']
const help: readonly StaffRole[] = ['admin', 'helper']

const reading = (read: readonly StaffRole[]): Right => ({ read })
const doing = (roles: readonly StaffRole[]): Right => ({ read: roles, act: roles })

const table = {
  '/admin': reading(anyone),
  '/admin/members': reading(anyone),
  '/admin/members/new': doing(admin),
  '/admin/members/:id': reading(anyone),
  '/admin/members/:id/change': doing(admin),
  '/admin/members/:id/event': doing(admin),
  '/admin/members/:id/people': doing(admin),
  '/admin/members/:id/link': doing(admin),
  '/admin/members/:id/suspend': doing(admin),
  '/admin/members/:id/restore': doing(admin),
  '/admin/members/:id/allow': doing(admin),
  '/admin/members/:id/withdraw-allow': doing(admin),
  '/admin/members/:id/dues': doing(books),
  '/admin/members/:id/exempt': doing(books),
  '/admin/members/:id/tariff': doing(books),
  '/admin/members/:id/terms/:term': doing(books),
  '/admin/members/:id/calls/:call': doing(books),
  '/admin/members/:id/standing-on': reading(books),
  '/admin/dues': reading(books),
  '/admin/dues/export': reading(books),
  '/admin/dues/statement': doing(books),
  '/admin/dues/statement/:digest': doing(books),
  '/admin/dues/inbox': reading(books),
  '/admin/dues/inbox/:line': doing(books),
  '/admin/dues/payments': reading(books),
  '/admin/dues/payments/new': doing(books),
  '/admin/dues/payments/:payment': doing(books),
  '/admin/dues/payments/:payment/refund': doing(books),
  '/admin/dues/tariffs': reading(books),
  '/admin/dues/tariffs/new': doing(books),
  '/admin/dues/tariffs/rules': doing(books),
  '/admin/dues/tariffs/account': doing(books),
  '/admin/dues/call': doing(books),
  '/admin/dues/remind': doing(books),
  '/admin/accounts': reading(help),
  '/admin/accounts/new': doing(admin),
  '/admin/accounts/:id': reading(help),
  '/admin/accounts/:id/suspend': doing(admin),
  '/admin/accounts/:id/restore': doing(admin),
  '/admin/accounts/:id/allow': doing(admin),
  '/admin/accounts/:id/withdraw-allow': doing(admin),
  '/admin/accounts/:id/close': doing(admin),
  '/admin/accounts/:id/reopen': doing(admin),
  '/admin/accounts/:id/staff-roles': doing(admin),
  '/admin/accounts/:id/groups': doing(admin),
  '/admin/accounts/:id/second-factor': doing(admin),
  '/admin/accounts/:id/app-passwords': doing(admin),
  '/admin/accounts/:id/new-app-password': doing(admin),
  '/admin/accounts/:id/sign-out': doing(help),
  '/admin/accounts/:id/invite': doing(help),
  '/admin/suspend': doing(admin),
  '/admin/suspensions/:id': reading(admin),
  '/admin/services': reading(admin),
  '/admin/services/:name': doing(admin),
  '/admin/services/:name/plan': doing(admin),
  '/admin/held': doing(admin),
  '/admin/clients': reading(admin),
  '/admin/clients/new': doing(admin),
  '/admin/clients/:id': reading(admin),
  '/admin/clients/:id/roles': doing(admin),
  '/admin/clients/:id/disable': doing(admin),
  '/admin/clients/:id/enable': doing(admin),
  '/admin/clients/:id/kit': doing(admin),
  '/admin/clients/:id/rotate': doing(admin),
  '/admin/keys': reading(admin),
  '/admin/keys/rotate': doing(admin),
  '/admin/audit': reading(books),
  '/admin/audit/export': reading(books),
  '/admin/audit/verify': doing(books),
  '/admin/outgoing': reading(help),
  '/admin/outgoing/held': { read: help, act: admin },
  '/admin/outgoing/stop': doing(admin),
  '/admin/outgoing/allow': doing(admin),
  '/admin/outgoing/trace': reading(help),
  '/admin/outgoing/notice': doing(admin),
  '/admin/mailboxes': reading(help),
  '/admin/mailboxes/new': doing(admin),
  '/admin/mailboxes/:id': reading(help),
  '/admin/mailboxes/:id/change': doing(admin),
  '/admin/mailboxes/:id/login': doing(admin),
  '/admin/mailboxes/:id/take-login': doing(admin),
  '/admin/mailboxes/:id/remove': doing(admin),
  '/admin/sites': reading(help),
  '/admin/sites/pending': reading(help),
  '/admin/sites/pending/:registration': { read: help, act: admin },
  '/admin/sites/:id': reading(help),
  '/admin/sites/:id/suspend': doing(admin),
  '/admin/sites/:id/restore': doing(admin),
  '/admin/sites/:id/mail': doing(admin),
} satisfies Record<string, Right>

export type AdminPath = keyof typeof table
export const rights: Record<AdminPath, Right> = table

type Act = 'read' | 'act'
export const rolesFor = (path: AdminPath, act: Act): readonly StaffRole[] => rights[path][act] ?? []

/** True when one of the staff may open this page, or send its form. */
export const may = (staff: Pick<AccountInForce, 'staffRoles'>, path: string, act: Act = 'read'): boolean =>
  Object.hasOwn(rights, path) && staff.staffRoles.some((role) => rolesFor(path as AdminPath, act).includes(role))
