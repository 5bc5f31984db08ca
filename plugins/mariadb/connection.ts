// One connection to MariaDB for one piece of work, ended with its signal.
import { readFile } from 'node:fs/promises'
import { type Connection, createConnection } from 'mysql2/promise'
import { AppError } from '../../src/domain/errors.ts'
import type { MariadbConfig } from './config.ts'

const CONNECT_MS = 10_000
/** ER_SIGNAL_EXCEPTION: what our own procedures refuse. */
const REFUSED = 1644

const numberOf = (error: unknown): unknown => (error instanceof Error && 'errno' in error ? error.errno : undefined)

/** True for what a procedure of the kit refused. */
export const isRefusal = (error: unknown): boolean => numberOf(error) === REFUSED

const unreachable = (error: unknown): AppError =>
  new AppError('service_unavailable', {
    detail: `MariaDB: ${error instanceof Error ? error.message : error}`,
    cause: error,
  })

async function connect({ socket, address, port, ca, account, password }: MariadbConfig): Promise<Connection> {
  const where = address === undefined ? { socketPath: socket } : { host: address, port }
  return createConnection({
    ...where,
    user: account,
    password,
    database: 'schedar_sites',
    connectTimeout: CONNECT_MS,
    ...(ca !== undefined && { ssl: { ca: await readFile(ca, 'utf8') } }),
  })
}

/** Throws `service_unavailable` with MariaDB's words, or the signal's reason once it aborts. */
export async function withMariadb<T>(
  config: MariadbConfig,
  signal: AbortSignal,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  let connection: Connection | undefined
  const end = () => connection?.destroy()
  signal.addEventListener('abort', end)
  try {
    connection = await connect(config)
    signal.throwIfAborted()
    return await work(connection)
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof AppError || isRefusal(error) ? error : unreachable(error)
  } finally {
    signal.removeEventListener('abort', end)
    end()
  }
}
