// schedar outgoing … : who sends how much, who was stopped, what waits, and what became of a message.
import { causeOf } from '../domain/deliveries.ts'
import { AppError } from '../domain/errors.ts'
import { canonical } from '../domain/names.ts'
import { heldMessages, purgeMessages, releaseMessages } from '../usecases/held-messages.ts'
import { liftQuarantine, quarantineLogin } from '../usecases/quarantine.ts'
import { type Register, withInstallation } from './io.ts'
import { watch } from './watch.ts'

const HOUR_MS = 3_600_000
const MOST = 100
const moment = (at: number): string => new Date(at).toISOString()

export const registerOutgoing: Register = (program, ioOf, exitWith) => {
  const outgoing = program
    .command('outgoing')
    .description('mail that leaves: who sends how much, what is held, what became of it')

  outgoing
    .command('list')
    .description('who sent most')
    .option('--hours <hours>', 'in so many hours', '24')
    .action((options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const sinceAt = core.clock.now() - Number(options.hours) * HOUR_MS
        if (!Number.isFinite(sinceAt))
          throw new AppError('invalid_value', { detail: `not a number of hours: ${options.hours}` })
        const sent = await core.store.outgoing.sent(sinceAt, MOST)
        ioOf(command).show(
          sent.map(({ login, messages, recipients, lastAt }) => ({
            login,
            messages,
            recipients,
            last_at: moment(lastAt),
          })),
        )
      }),
    )

  outgoing
    .command('stopped')
    .description('logins that may not send')
    .action((_options, command) =>
      withInstallation(ioOf(command), async ({ core }) =>
        ioOf(command).show(
          (await core.store.quarantines.open()).map(({ login, reason, detail, startedAt }) => ({
            login,
            reason,
            detail,
            since: moment(startedAt),
          })),
        ),
      ),
    )

  outgoing
    .command('stop <login>')
    .description('stop a login’s sending; its mail can still be read')
    .requiredOption('--reason <text>', 'why, for the other admins')
    .action((login, { reason }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const name = canonical(login)
        const touched = await quarantineLogin(installation.core)({ login: name, detail: reason, actor: io.actor })
        exitWith(await watch(io, installation, touched))
      }),
    )

  outgoing
    .command('allow <login>')
    .description('let a login that was stopped send again; held messages stay held')
    .action((login, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const [io, { core }] = [ioOf(command), installation]
        const found = await core.store.quarantines.ofLogin(canonical(login))
        if (!found) throw new AppError('not_found', { detail: `${login} is not stopped` })
        exitWith(await watch(io, installation, await liftQuarantine(core)({ id: found.id, actor: io.actor })))
      }),
    )

  outgoing
    .command('held [login]')
    .description('messages that wait for a decision')
    .action((login, _options, command) =>
      withInstallation(ioOf(command), async ({ core, queues }) => {
        const held = await heldMessages(core, queues)(login === undefined ? undefined : canonical(login))
        ioOf(command).show(
          held.map(({ service, queueId, login: from, sender, recipients, at, queued }) => ({
            service,
            id: queueId,
            login: from,
            sender,
            recipients,
            subject: queued?.subject ?? null,
            script: queued?.script || null,
            since: moment(at),
          })),
        )
      }),
    )

  for (const [name, decide, done] of [
    ['release', releaseMessages, 'released'],
    ['purge', purgeMessages, 'removed'],
  ] as const)
    outgoing
      .command(`${name} <service> <ids...>`)
      .description(name === 'release' ? 'let held messages go' : 'remove held messages for good')
      .option('--yes', 'do not ask')
      .action((service, queueIds, { yes = false }, command) =>
        withInstallation(ioOf(command), async ({ core, queues }) => {
          const io = ioOf(command)
          if (name === 'purge' && !(await io.confirm(`Remove ${queueIds.length} messages for good?`, yes))) return
          io.say(`${await decide(core, queues)({ service, queueIds, actor: io.actor })} ${done}.`)
        }),
      )

  outgoing
    .command('trace <recipient>')
    .description('what became of mail to an address, or to a domain (@example.org)')
    .option('--days <days>', 'in so many days', '7')
    .action((recipient, options, command) =>
      withInstallation(ioOf(command), async ({ core }) => {
        const sinceAt = core.clock.now() - Number(options.days) * 24 * HOUR_MS
        if (!Number.isFinite(sinceAt))
          throw new AppError('invalid_value', { detail: `not a number of days: ${options.days}` })
        const found = await core.store.outgoing.deliveries({ recipient: canonical(recipient), sinceAt, limit: MOST })
        ioOf(command).show(
          found.map(({ at, sender, recipient: to, result, dsn, relay, text }) => ({
            at: moment(at),
            from: sender,
            to,
            result,
            cause: causeOf({ result, dsn, relay, text }),
            dsn,
            relay,
            text,
          })),
        )
      }),
    )
}
