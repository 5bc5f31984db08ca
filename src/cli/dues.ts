// schedar dues …: what the assembly decided, calls, payments by hand, reminders and reports. Statements: dues-bank.ts;
// corrections: dues-by-hand.ts.

import { periods } from '../domain/dues.ts'
import { AppError } from '../domain/errors.ts'
import { formatIban, formatOgm } from '../domain/references.ts'
import { type PaymentSource, paymentSources } from '../ports.ts'
import { callDues } from '../usecases/call-dues.ts'
import { organisationNamed } from '../usecases/members.ts'
import { openTerms, recordPayment } from '../usecases/payments.ts'
import { rulesOn, today } from '../usecases/standing.ts'
import { addRules, addTariff, setBankAccount, setMemberDues } from '../usecases/tariffs.ts'
import { cents, euros, oneOf, whole } from './amounts.ts'
import { registerBank } from './dues-bank.ts'
import { registerByHand } from './dues-by-hand.ts'
import { memberNumbered, type Register, withInstallation } from './io.ts'

export const registerDues: Register = (program, ioOf, exitWith) => {
  const dues = program.command('dues').description('what is owed and what was paid')

  dues
    .command('account <iban>')
    .description('the account on which dues are paid')
    .requiredOption('--holder <name>', 'as the bank has it')
    .option('--bic <bic>', 'the bank, for payers abroad')
    .action((iban, { holder, bic }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const account = await setBankAccount(core)({ iban, holder, bic: bic ?? null, actor: io.actor })
        io.show({ iban: formatIban(account.iban), holder: account.holder, bic: account.bic })
      }),
    )

  dues
    .command('tariff [name]')
    .description('list the tariffs, or add a version that the assembly decided')
    .option('--amount <euros>', 'what a term costs')
    .option('--period <period>', periods.join(', '), 'year')
    .option('--year-starts <MM-DD>', "the first day of the association's year", '01-01')
    .option('--months <n>', 'length of a rolling term', '12')
    .option('--from <date>', 'from which day; today without it')
    .option('--decided-on <date>', 'the day of the assembly')
    .option('--decision <where>', 'where it was decided: «AG 2026, point 4»')
    .action((name, options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        if (name) {
          if (options.amount === undefined) throw new AppError('required', { detail: 'say --amount' })
          await addTariff(core)({
            name,
            period: oneOf(options.period, periods, '--period'),
            yearStartsOn: options.yearStarts,
            months: whole(options.months, '--months'),
            amountCents: cents(options.amount),
            validFromOn: options.from ?? (await today(core)),
            decidedOn: options.decidedOn ?? null,
            decisionRef: options.decision ?? '',
            actor: io.actor,
          })
        }
        const { id } = await organisationNamed(core.store)
        io.show(
          (await core.store.dues.tariffs(id)).map((tariff) => ({
            name: tariff.name,
            from: tariff.validFromOn,
            amount: euros(tariff.amountCents),
            period: tariff.period === 'rolling' ? `${tariff.months} months` : tariff.period,
            decision: tariff.decisionRef,
          })),
        )
      }),
    )

  dues
    .command('rules')
    .description('show the rules in force, or add what the assembly decided')
    .option('--grace <days>', 'days after the end of cover during which everything works')
    .option(
      '--late <rule>',
      'continue: late renewals count from the end of cover; restart: from the day they are called',
    )
    .option('--late-days <n>', 'later than so many days a renewal begins anew in any case')
    .option('--tolerance <euros>', 'what may be missing')
    .option('--reminders <days>', 'days before (-) and after the end of cover: -30,-7,0,15,30')
    .option('--from <date>', 'from which day; today without it')
    .option('--decided-on <date>', 'the day of the assembly')
    .option('--decision <where>', 'where it was decided')
    .action((options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const { id } = await organisationNamed(core.store)
        const on = await today(core)
        const { rules: now } = await rulesOn(core, core.store, id, on)
        if (options.decision !== undefined)
          await addRules(core)({
            graceDays: options.grace === undefined ? now.graceDays : whole(options.grace, '--grace'),
            lateRenewal:
              options.late === undefined ? now.lateRenewal : oneOf(options.late, ['continue', 'restart'], '--late'),
            lateContinueDays:
              options.lateDays === undefined ? now.lateContinueDays : whole(options.lateDays, '--late-days'),
            toleranceCents: options.tolerance === undefined ? now.toleranceCents : cents(options.tolerance),
            reminderDays:
              options.reminders === undefined
                ? now.reminderDays
                : String(options.reminders)
                    .split(',')
                    .map((day) => whole(day.trim(), '--reminders')),
            validFromOn: options.from ?? on,
            decidedOn: options.decidedOn ?? null,
            decisionRef: options.decision,
            actor: io.actor,
          })
        else if (Object.keys(options).length > 0)
          throw new AppError('required', { detail: 'say --decision: where this was decided' })
        const { rules, nextOn } = await rulesOn(core, core.store, id, on)
        io.show({
          'grace days': rules.graceDays,
          late: rules.lateRenewal,
          'late days': rules.lateContinueDays,
          tolerance: euros(rules.toleranceCents),
          reminders: rules.reminderDays.join(', '),
          'other rules from': nextOn,
        })
      }),
    )

  dues
    .command('member <number>')
    .description('what a member pays, who pays it, and what is open')
    .option('--tariff <name>', 'the tariff; none to be asked for nothing')
    .option('--payer <number>', 'the member that pays; self for the member itself')
    .action((number, { tariff, payer }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const io = ioOf(command)
        const member = await memberNumbered(installation, number)
        const before = await core.store.dues.member(member.id)
        if (tariff !== undefined || payer !== undefined)
          await setMemberDues(core)({
            memberId: member.id,
            tariff: tariff === undefined ? (before?.tariff ?? null) : tariff === 'none' ? null : tariff,
            payerId:
              payer === undefined
                ? (before?.payerId ?? null)
                : payer === 'self'
                  ? null
                  : (await memberNumbered(installation, payer)).id,
            actor: io.actor,
          })
        const now = await core.store.dues.member(member.id)
        const [call] = await core.store.calls.ofPayer(now?.payerId ?? member.id)
        io.show({
          number: member.memberNumber,
          tariff: now?.tariff ?? null,
          payer: now?.payerId ? (await core.store.members.get(now.payerId))!.memberNumber : 'self',
          open: (await openTerms(core.store, member.id)).map(
            (term) => `${term.member.name} from ${term.startOn}: ${euros(term.dueCents - term.paidCents)}`,
          ),
          reference: call ? formatOgm(call.ogm) : null,
        })
      }),
    )

  dues
    .command('call')
    .description('ask for the next term of everybody whose cover ends soon')
    .option('--within <days>', 'how soon', '30')
    .option('--yes', 'do not ask')
    .action(({ within, yes = false }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const io = ioOf(command)
        const days = whole(within, '--within')
        if (!(await io.confirm(`Call the dues of everybody whose cover ends within ${days} days?`, yes || io.json)))
          return
        io.show(await callDues(core)({ withinDays: days, actor: io.actor }))
      }),
    )

  dues
    .command('pay <number> <euros>')
    .description('record a payment by hand; it goes on the oldest terms of everybody the member pays for')
    .option('--source <source>', paymentSources.join(', '), 'cash')
    .option('--on <date>', 'the day it arrived; today without it')
    .option('--note <text>', 'for the file', '')
    .action((number, amount, { source, on, note }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { core } = installation
        const io = ioOf(command)
        const { payment, receipt, creditCents } = await recordPayment(core)({
          payerId: (await memberNumbered(installation, number)).id,
          source: oneOf<PaymentSource>(source, paymentSources, '--source'),
          cents: cents(amount),
          valueOn: on ?? (await today(core)),
          note,
          actor: io.actor,
        })
        io.show({ payment: payment.id, receipt: `${receipt.year}-${receipt.number}`, credit: euros(creditCents) })
      }),
    )

  dues
    .command('remind')
    .description('send the reminders of today; the night does it by itself')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => ioOf(command).show(await installation.remind())),
    )

  dues
    .command('report')
    .description('money expected and received, month by month')
    .option('--from <date>', 'first value date; the beginning of this year without it')
    .option('--to <date>', 'last value date; today without it')
    .action(({ from, to }, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const on = await today(core)
        const { id } = await organisationNamed(core.store)
        const { payments } = core.store
        const received = await payments.received(id, from ?? `${on.slice(0, 4)}-01-01`, to ?? on)
        const expected = await payments.expected(id, to ?? '9999-12-31')
        ioOf(command).show([
          ...received.map(({ month, source, cents }) => ({ month, what: `received: ${source}`, amount: euros(cents) })),
          ...expected.map(({ month, cents }) => ({ month, what: 'expected', amount: euros(cents) })),
        ])
      }),
    )

  registerByHand(dues, ioOf)
  registerBank(dues, ioOf, exitWith)
}
