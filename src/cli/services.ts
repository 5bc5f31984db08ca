// schedar services …: what is driven, whether it can be reached, what would change, and changing it.

import type { Installation } from '../compose.ts'
import { AppError } from '../domain/errors.ts'
import { nightOf } from '../serve.ts'
import { organisationNamed } from '../usecases/members.ts'
import { HELD } from '../usecases/nightly.ts'
import { exit, type Register, withInstallation } from './io.ts'
import { pairs, several, writeKit } from './kit-files.ts'

const CHECK_MS = 10_000

const reasonOf = (error: unknown): string =>
  error instanceof AppError ? (error.detail ?? error.code) : String((error as Error).message ?? error)

const named = (installation: Installation, only: readonly string[]): string[] => {
  const all = installation.core.services.map(({ name }) => name).filter((name) => !installation.elsewhere.has(name))
  const unknown = only.find((name) => !all.includes(name))
  if (unknown)
    throw new AppError('not_found', { detail: `there is no service ${unknown} here; there are: ${all.join(', ')}` })
  return only.length > 0 ? [...only] : all
}

export const registerServices: Register = (program, ioOf, exitWith) => {
  const services = program.command('services').description('the services that are kept in step')

  services
    .command('list')
    .description('the services, and what they still have to be told')
    .action((_options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const { store } = installation.core
        const pending = await store.outbox.pending({ limit: 100_000 })
        const rows = installation.core.services.map(({ name, manages }) => {
          const mine = pending.filter((row) => row.service === name)
          return {
            service: name,
            plugin: installation.services.find((service) => service.name === name)?.plugin ?? 'built in',
            manages,
            pending: mine.length,
            tries: Math.max(0, ...mine.map(({ tries }) => tries)),
            'last error': mine.find(({ lastError }) => lastError)?.lastError ?? '',
            here: !installation.elsewhere.has(name),
          }
        })
        const logouts = pending.filter(({ service }) => service.startsWith('logout/'))
        ioOf(command).show([
          ...rows,
          ...[...new Set(logouts.map(({ service }) => service))].map((service) => ({
            service,
            plugin: 'back-channel logout',
            manages: 'session',
            pending: logouts.filter((row) => row.service === service).length,
            tries: Math.max(...logouts.filter((row) => row.service === service).map(({ tries }) => tries)),
            'last error': logouts.find((row) => row.service === service && row.lastError)?.lastError ?? '',
            here: true,
          })),
        ])
      }),
    )

  services
    .command('check [names...]')
    .description('reach each service and prove the rights needed; changes nothing')
    .action((names, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const rows = await Promise.all(
          named(installation, names).map(async (name) => {
            const service = installation.services.find((one) => one.name === name)
            try {
              await (service ? service.service.check(AbortSignal.timeout(CHECK_MS)) : installation.core.store.check())
              return { service: name, ok: true, detail: '' }
            } catch (error) {
              return { service: name, ok: false, detail: reasonOf(error) }
            }
          }),
        )
        ioOf(command).show(rows)
        if (rows.some(({ ok }) => !ok)) exitWith(exit.problems)
      }),
    )

  services
    .command('plan [names...]')
    .description('compare what each service holds with what it should hold; changes nothing')
    .action((names, _options, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const held = await installation.core.store.settings.get(HELD)
        if (held)
          io.warn(
            `The last night held ${JSON.parse(held).removals} of ${JSON.parse(held).of} removals; services apply --force lets them pass.`,
          )
        const plans = await Promise.all(named(installation, names).map((name) => installation.reconciler.plan(name)))
        io.show(
          plans.flatMap(({ service, changes }) =>
            changes.map(({ name, from, to, removal }) => ({
              service,
              subject: name,
              from: from && JSON.stringify(from),
              to: to && JSON.stringify(to),
              removal,
            })),
          ),
        )
        if (plans.some(({ changes }) => changes.length > 0)) exitWith(exit.pending)
      }),
    )

  services
    .command('apply [names...]')
    .description('bring each service to what it should hold')
    .option('--force', 'also when the bulk guard holds it, or after a restore: a person has looked at the plan')
    .action((names, { force = false }, command) =>
      withInstallation(ioOf(command), async (installation) => {
        const io = ioOf(command)
        const { settings } = installation.core.store
        if ((await settings.get('writes_held')) !== undefined && !force)
          throw new AppError('writes_held', {
            detail: 'a backup was restored: look at schedar services plan, then run schedar services apply --force',
          })
        if (force && names.length === 0 && (await settings.get(HELD))) await nightOf(installation)({ confirmed: true })
        const rows = []
        for (const name of named(installation, names)) {
          try {
            rows.push({
              service: name,
              changes: await installation.reconciler.apply(await installation.reconciler.plan(name), force),
              detail: '',
            })
          } catch (error) {
            rows.push({ service: name, changes: 0, detail: reasonOf(error) })
          }
        }
        if (names.length === 0 && rows.every(({ detail }) => detail === ''))
          await settings.set('writes_held', undefined)
        io.show(rows)
        if (rows.some(({ detail }) => detail !== '')) exitWith(exit.problems)
      }),
    )

  services
    .command('kit <name> <folder>')
    .description('write the files to install for a whole service of schedar.yaml')
    .option('--set <key=value>', "an answer to the plugin's own question", several, [])
    .action((name, folder, options, command) =>
      withInstallation(ioOf(command), async ({ core, opened }) => {
        const found = opened.find((one) => one.name === name)
        if (!found?.plugin.serviceKit)
          throw new AppError('not_found', {
            detail: `there is a kit for ${opened.flatMap((one) => (one.plugin.serviceKit ? one.name : [])).join(', ') || 'none'} here`,
          })
        const { name: associationName, contactEmail } = await organisationNamed(core.store)
        const files = found.plugin.serviceKit({
          issuer: core.config.issuer,
          associationName,
          contactEmail,
          config: found.config,
          options: pairs(options.set),
        })
        ioOf(command).show(writeKit(folder, files))
      }),
    )
}
