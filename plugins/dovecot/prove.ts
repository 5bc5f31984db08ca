// The proof that Dovecot looks where Schedar writes, by two sign-ins that nobody else can make: a random password, once for a
// login that is refused and once for one that is not. Neither opens a mailbox: Dovecot answers the second with a word that
// stands in its line (`nologin`).
import { createHash, randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../src/domain/errors.ts'
import { errno, locked } from '../../src/plugin-files.ts'
import type { DenyFiles } from './deny-files.ts'
import type { Doveadm } from './doveadm.ts'
import { checkLine, checkName, homeLine } from './login-rows.ts'
import type { Shards } from './shards.ts'

/** Dovecot looks at a file once a second. */
const SEEN_MS = 1100
const TRIES = 3
/** What is written for the check is taken away again, whatever became of the caller's signal. */
const CLEAN_MS = 5000
const NOWHERE = '/nonexistent/schedar-check'
const REFUSED = checkName('refused')
const OPEN = checkName('open')

type Proof = {
  folder: string
  denials: DenyFiles
  lines: Pick<Shards<never>, 'put'>
  admin: Doveadm
  /** Where to sign in; without it only what doveadm can tell is proved. */
  imapUrl: string | undefined
  /** Whether Dovecot finds mailboxes by our lines. */
  homes: boolean
  /** Throws unless doveadm answers. */
  reach(signal: AbortSignal): Promise<void>
  /** Does the work while nobody else writes. */
  inFolder(signal: AbortSignal, work: () => Promise<void>): Promise<void>
}

const unproved = (detail: string, cause?: unknown) => new AppError('service_unavailable', { detail, cause })

/** The answer to a sign-in by LOGIN (RFC 9051 §6.2.3), without its tag. */
function signIn(url: URL, login: string, secret: string, signal: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({ host: url.hostname.replace(/[[\]]/g, ''), port: Number(url.port), signal }).setEncoding(
    'utf8',
  )
  let read = ''
  let asked = false
  socket.on('data', (chunk) => {
    read += chunk
    if (!asked && read.includes('\r\n')) {
      asked = true
      socket.write(`a LOGIN "${login}" "${secret}"\r\n`)
    }
    const answer = /^a (.*)\r\n/m.exec(read)?.[1]
    if (answer !== undefined) resolve(answer)
  })
  socket.on('error', reject)
  socket.on('close', () => reject(unproved(`${url.href} hung up`)))
  return promise.finally(() => socket.destroy())
}

/** Throws `service_unavailable` that says what Dovecot does not look at. Changes nothing that outlives it. */
export async function prove(proof: Proof, signal: AbortSignal): Promise<void> {
  // Two checks at once would take each other's lines away; those who write are not kept waiting.
  await locked(`${proof.folder}/check.lock`, signal, async () => {
    const [secret, word] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
    const digest = createHash('sha256').update(secret).digest('hex')
    try {
      await proof.inFolder(signal, async () => {
        for (const error of (await proof.denials.deny([REFUSED], signal)).values()) throw error
        await proof.lines.put(REFUSED, [checkLine(REFUSED, digest, word)])
        await proof.lines.put(OPEN, [homeLine(OPEN, NOWHERE), checkLine(OPEN, digest, word)])
      })
      await proof.reach(signal)
      if (proof.homes) await proveHome(proof, signal)
      if (proof.imapUrl) await proveSignIns(proof, new URL(proof.imapUrl), secret, word, signal)
    } finally {
      const anyway = AbortSignal.timeout(CLEAN_MS)
      await proof.inFolder(anyway, async () => {
        await proof.lines.put(REFUSED, [])
        await proof.lines.put(OPEN, [])
        await proof.denials.allow([REFUSED], anyway)
      })
    }
  })
}

async function proveHome({ admin, folder }: Proof, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const [answer] = await admin.run([['user', { userMask: [OPEN] }]], signal)
    if (JSON.stringify(answer?.result ?? null).includes(JSON.stringify(NOWHERE))) return
    await sleep(SEEN_MS, undefined, { signal })
  }
  throw unproved(`Dovecot does not find mailboxes by ${folder}/logins: its userdb, or who may read the folder`)
}

async function proveSignIns({ folder }: Proof, url: URL, secret: string, word: string, signal: AbortSignal) {
  const attempt = (login: string) =>
    signIn(url, login, secret, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      throw error instanceof AppError
        ? error
        : unproved(`${url.href} does not answer (${errno(error) ?? error})`, error)
    })
  for (let tries = 1; ; tries++) {
    await sleep(SEEN_MS, undefined, { signal })
    const [refused, open] = await Promise.all([attempt(REFUSED), attempt(OPEN)])
    if (refused.includes(word) || refused.startsWith('OK'))
      throw unproved(`Dovecot at ${url.href} lets in who has a file in ${folder}/denied: its passdb must be the first`)
    if (open.includes(word)) return
    if (tries === TRIES)
      throw unproved(`Dovecot at ${url.href} does not know the app passwords in ${folder}/logins: it answers "${open}"`)
  }
}
