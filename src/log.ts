// The log: one JSON object a line. Values whose names promise a secret are struck out, whoever logs them.
import { pino } from 'pino'
import type { Config } from './config.ts'
import type { Log } from './core.ts'

export type LogStream = { write(line: string): void }

const secret = /pass(word|phrase)?$|secret|token|cookie|authorization|apikey|api_key/i

const redacted = (details: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(details).map(([name, value]) =>
      secret.test(name) && typeof value === 'string' ? [name, '[hidden]'] : [name, value],
    ),
  )

export function createLog(level: Config['log']['level'], to: LogStream): Log {
  const logger = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    to,
  )
  const at =
    (severity: 'debug' | 'info' | 'warn' | 'error') =>
    (event: string, details: Record<string, unknown> = {}) =>
      logger[severity]({ event, ...redacted(details) })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
