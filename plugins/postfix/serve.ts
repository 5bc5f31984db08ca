// The plugin's inbound doors: what Postfix asks about each message, and what its log tells.

import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../../src/domain/errors.ts'
import { isSameHost } from '../../src/domain/names.ts'
import type { DoorHost, ServedDoors } from '../../src/plugin.ts'
import { errno, locked } from '../../src/plugin-files.ts'
import { followLog } from '../../src/plugin-log.ts'
import { SENDERS } from './addresses.ts'
import { parameter } from './check.ts'
import { command } from './command.ts'
import { listenerOf, type PostfixConfig } from './config.ts'
import { logReader } from './log-lines.ts'
import { admittedUsers, isOwned } from './peers.ts'
import { inDoubt, policy } from './policy.ts'
import { startPolicyServer } from './policy-server.ts'
import { sendersMap } from './senders.ts'

/** Root, and the user whose smtpd processes ask. */
async function askers(configDir: string): Promise<number[]> {
  const signal = AbortSignal.timeout(20_000)
  const owner = await parameter(configDir, 'mail_owner', signal)
  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(owner))
    throw new AppError('service_unavailable', { detail: `mail_owner of ${configDir}/main.cf is not a user name` })
  const { stdout } = await command({ name: 'id', args: ['-u', owner], signal })
  return [0, Number(stdout)]
}

async function policyDoor(config: PostfixConfig, host: DoorHost) {
  const listener = listenerOf(config)
  const senders = sendersMap(join(config.folder, SENDERS), () => performance.now())
  return startPolicyServer({
    listener,
    decide: policy(config, host, senders, isOwned([0, process.getuid?.() ?? 0])),
    otherwise: inDoubt(config),
    timeoutMs: config.answerTimeoutMs,
    admits: admittedUsers(listener, await askers(config.configDir)),
    onError: (error) => host.log('warn', 'postfix.policy_in_doubt', { error: String(error), answer: config.inDoubt }),
  }).catch((error: unknown) => {
    throw new AppError('service_unavailable', {
      detail: `the policy server cannot listen on ${config.policy}: ${errno(error) ?? error}`,
      cause: error,
    })
  })
}

/** Debian's, where syslog writes it. */
const SYSLOG = '/var/log/mail.log'

async function logOf({ mailLog, configDir }: PostfixConfig): Promise<string> {
  return mailLog ?? ((await parameter(configDir, 'maillog_file', AbortSignal.timeout(20_000))) || SYSLOG)
}

/** Follows the log, of several instances in one folder only one: the others wait for its lock. */
async function followDeliveries(log: string, host: DoorHost, signal: AbortSignal): Promise<void> {
  const name = `postfix-log-${hash('sha256', log).slice(0, 12)}`
  const read = logReader(Intl.DateTimeFormat().resolvedOptions().timeZone)
  const onError = (error: unknown) => host.log('warn', 'postfix.log_unread', { log, error: String(error) })
  await locked(join(host.dataDir, `${name}.lock`), signal, () =>
    followLog({
      log,
      position: { folder: host.dataDir, name },
      recall: (lines) => {
        for (const line of lines) read(line, host.now())
      },
      async take(lines) {
        const facts = lines.flatMap((line) => read(line, host.now()))
        await Promise.all(facts.map((fact) => host.report(fact)))
      },
      onError,
      signal,
    }),
  ).catch((error: unknown) => {
    if (!signal.aborted) onError(error)
  })
}

export async function serve(config: PostfixConfig, host: DoorHost): Promise<ServedDoors> {
  if (config.host !== undefined && !isSameHost(config.host, hostname()))
    return { addresses: [], close: async () => undefined }
  const server = await policyDoor(config, host)
  const end = new AbortController()
  const following = followDeliveries(await logOf(config), host, end.signal)
  const open = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  return {
    addresses: [`policy ${config.policy}`],
    async close() {
      end.abort()
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await Promise.all([closed, following])
    },
  }
}
