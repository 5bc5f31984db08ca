// The treasurer's pages, in one list.
import type { Page } from '../../src/web/page.ts'
import type { Desk } from '../desk.ts'
import { overview } from './dues.ts'
import { call, reminders } from './dues-call.ts'
import { tariffChange } from './dues-change.ts'
import { inboxLine, inboxPage } from './dues-inbox.ts'
import { memberDuesAct } from './dues-member.ts'
import { newPayment, payment, payments } from './dues-payments.ts'
import { preview } from './dues-preview.ts'
import { refundAct } from './dues-refund.ts'
import { statement } from './dues-statement.ts'
import { accountAct, rulesAct, tariffAct, tariffs } from './dues-tariffs.ts'
import { callAct, exemptAct, termPage } from './dues-terms.ts'
import type { Staff } from './frame.ts'
import { known } from './known.ts'

export { mountRoll } from './dues-roll.ts'

export const duesPages = (desk: Desk): Page<Staff>[] => [
  overview(desk),
  statement(desk),
  preview(desk),
  inboxPage(desk),
  inboxLine(desk),
  payments(desk),
  // Before the page of one: «new» is no payment.
  newPayment(desk),
  payment(desk),
  refundAct(desk),
  tariffs(desk),
  tariffAct(desk),
  rulesAct(desk),
  accountAct(desk),
  call(desk),
  reminders(desk),
  memberDuesAct(desk),
  exemptAct(desk),
  tariffChange(desk),
  termPage(desk),
  callAct(desk),
  known(desk),
]
