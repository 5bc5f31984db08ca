// schedar dues …: what a treasurer does to one membership by hand. A term is named by the day on which it begins.
import type { Command } from 'commander'
import type { Core } from '../core.ts'
import { owedFor } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { formatOgm, parseOgm } from '../domain/references.ts'
import type { Member, PaidTerm } from '../ports.ts'
import { changeTariff, type TariffChange } from '../usecases/change-tariff.ts'
import { reversePayment } from '../usecases/payments.ts'
import { refundPayment } from '../usecases/refunds.ts'
import { today } from '../usecases/standing.ts'
import { cancelCall, cancelTerm, endExemption, exempt } from '../usecases/terms.ts'
import { cents, euros } from './amounts.ts'
import { type Io, memberNumbered, withInstallation } from './io.ts'

const FOR_LIFE = 'life'

async function termFrom(core: Core, member: Member, startOn: string, exemption = false): Promise<PaidTerm> {
  const terms = (await core.store.standings.terms(member.id)).filter((term) => !exemption || term.exempt)
  const found = terms.find((term) => term.startOn === startOn)
  if (!found)
    throw new AppError('not_found', {
      detail: `no ${exemption ? 'exemption' : 'term'} of ${member.memberNumber} begins on ${startOn}; there are: ${terms.map((term) => term.startOn).join(', ') || 'none'}`,
    })
  return found
}

const span = ({ startOn, endOn }: Pick<PaidTerm, 'startOn' | 'endOn'>): string => `${startOn} to ${endOn ?? FOR_LIFE}`

const described = ({ from, to, cut, owedCents, creditCents, calls, before, after }: TariffChange) => ({
  from,
  to: to.name,
  'until then': cut.before ? `${span(cut.before)}: ${euros(cut.before.dueCents)}` : null,
  'from then on': `${span(cut.after)}: ${euros(cut.after.dueCents)}`,
  'moved along': euros(cut.moved.filter((share) => share.to === 'after').reduce((sum, share) => sum + share.cents, 0)),
  owed: euros(owedCents),
  credit: euros(creditCents),
  'calls cancelled': calls.map(({ ogm }) => formatOgm(ogm)),
  standing: `${before.standing} → ${after.standing}`,
})

function registerTerms(dues: Command, ioOf: (command: Command) => Io): void {
  dues
    .command('exempt <number>')
    .description('nothing is due for some time, or for life')
    .requiredOption('--reason <text>', 'why, and who decided it')
    .requiredOption('--until <date>', 'last day, or life')
    .option('--from <date>', 'first day; today without it')
    .action((number, { reason, until, from }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const io = ioOf(command)
        const member = await memberNumbered(installation, number)
        const term = await exempt(core)({
          memberId: member.id,
          fromOn: from ?? (await today(core)),
          untilOn: until === FOR_LIFE ? null : until,
          reason,
          actor: io.actor,
        })
        io.show({ number, from: term.startOn, until: term.endOn ?? FOR_LIFE, reason: term.reason })
      }),
    )

  dues
    .command('end-exemption <number>')
    .description('end an exemption before its time')
    .requiredOption('--term <date>', 'the day on which it began')
    .requiredOption('--on <date>', 'its last day; the day before it began, and there was none')
    .requiredOption('--reason <text>', 'why')
    .action((number, { term, on, reason }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const member = await memberNumbered(installation, number)
        const { id: termId } = await termFrom(core, member, term, true)
        await endExemption(core)({ memberId: member.id, termId, lastOn: on, reason, actor: ioOf(command).actor })
      }),
    )

  dues
    .command('change-tariff <number> <tariff>')
    .description('another tariff in the middle of a term; shows the amounts first')
    .option('--from <date>', 'first day of the new tariff; today without it')
    .option('--dry-run', 'only show the amounts')
    .option('--no-call', 'do not ask for the difference yet')
    .option('--yes', 'do not ask')
    .action((number, tariff, { from, dryRun = false, call, yes = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const io = ioOf(command)
        const member = await memberNumbered(installation, number)
        const asked = { memberId: member.id, tariff, fromOn: from ?? (await today(core)) }
        const plan = await changeTariff(core).plan(asked)
        io.show(described(plan))
        if (dryRun || !(await io.confirm(`Change the tariff of ${member.name}?`, yes || io.json))) return
        await changeTariff(core).apply({ ...asked, key: plan.key, call, actor: io.actor })
        io.say('Done.')
      }),
    )

  dues
    .command('terms <number>')
    .description('the terms of a member, also those that were cancelled and why')
    .action((number, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { books, standings } = installation.core.store
        const member = await memberNumbered(installation, number)
        const paid = new Map((await standings.terms(member.id)).map((term) => [term.id, term.paidCents]))
        ioOf(command).show(
          (await books.kept(member.id)).terms.map((term) => ({
            from: term.startOn,
            until: term.endOn ?? FOR_LIFE,
            due: term.exempt ? 'exempt' : euros(term.dueCents),
            paid: euros(paid.get(term.id) ?? 0),
            open:
              term.exempt || term.cancelledAt !== null
                ? ''
                : euros(owedFor({ ...term, paidCents: paid.get(term.id) ?? 0 })),
            why: term.reason,
            by: term.createdBy,
            cancelled: term.cancelledAt === null ? null : (term.cancelReason ?? 'yes'),
          })),
        )
      }),
    )
}

async function callUnder(core: Core, member: Member, typed: string) {
  const ogm = parseOgm(typed)
  const call = (await core.store.calls.ofPayer(member.id)).find((one) => one.ogm === ogm)
  if (!call) throw new AppError('not_found', { detail: `${member.memberNumber} was sent no call under ${typed}` })
  return call
}

function registerMistakes(dues: Command, ioOf: (command: Command) => Io): void {
  dues
    .command('cancel <number>')
    .description('cancel a term, or a call with what is open of it; what was paid on it becomes credit')
    .option('--term <date>', 'the day on which the term begins')
    .option('--call <reference>', 'the reference of the call, which this member was sent')
    .requiredOption('--reason <text>', 'why it was a mistake')
    .option('--without-tariff', 'and leave the member without a tariff, so that the night does not ask again')
    .option('--yes', 'do not ask')
    .action((number, { term, call, reason, withoutTariff = false, yes = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const io = ioOf(command)
        const member = await memberNumbered(installation, number)
        const mistake = { reason, withoutTariff, actor: io.actor }
        if ((term === undefined) === (call === undefined))
          throw new AppError('required', { detail: 'say --term or --call, and one of them only' })
        const sure = (what: string) => io.confirm(`Cancel ${what} of ${member.name}?`, yes || io.json)
        if (term !== undefined) {
          const found = await termFrom(core, member, term)
          if (await sure(`the term from ${span(found)}`))
            await cancelTerm(core)({ ...mistake, memberId: member.id, termId: found.id })
        } else {
          const found = await callUnder(core, member, call)
          if (await sure(`the call ${formatOgm(found.ogm)}`))
            await cancelCall(core)({ ...mistake, payerId: member.id, callId: found.id })
        }
      }),
    )
}

function registerRefunds(dues: Command, ioOf: (command: Command) => Io): void {
  dues
    .command('payments <number>')
    .description('what a member paid, and what of it went back')
    .action((number, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { id } = await memberNumbered(installation, number)
        ioOf(command).show(
          (await installation.core.store.payments.ofPayer(id)).map((payment) => ({
            payment: payment.id,
            on: payment.valueOn,
            amount: euros(payment.cents),
            source: payment.source,
            'goes back on': payment.refundsId ?? payment.reversesId,
            'taken back': payment.reversed,
            note: payment.note,
          })),
        )
      }),
    )

  dues
    .command('undo <payment>')
    .description('take back what is left of a payment: a mistake, a bounced debit; its bank line waits anew')
    .requiredOption('--note <why>', 'for the file')
    .option('--on <date>', 'value date; today without it')
    .action((paymentId, { note, on }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const { id } = await reversePayment(core)({ paymentId, note, actor: io.actor, ...(on && { valueOn: on }) })
        io.show({ reversal: id })
      }),
    )

  dues
    .command('refund <payment> <euros>')
    .description('pay back a part of a payment, or all that is left of it')
    .requiredOption('--note <why>', 'for the file')
    .option('--on <date>', 'value date; today without it')
    .action((paymentId, amount, { note, on }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const refund = await refundPayment(core)({
          paymentId,
          cents: cents(amount),
          note,
          actor: io.actor,
          ...(on && { valueOn: on }),
        })
        io.show({ refund: refund.id, amount: euros(refund.cents), on: refund.valueOn })
      }),
    )
}

export function registerByHand(dues: Command, ioOf: (command: Command) => Io): void {
  registerTerms(dues, ioOf)
  registerMistakes(dues, ioOf)
  registerRefunds(dues, ioOf)
}
