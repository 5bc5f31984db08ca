// Programs of one person at a mail server that hold a session and, whenever it ends, sign in again at once, until they are
// told to stop. What each of them got is on record: the last moment at which anything worked, and its refusals.
import { setTimeout as sleep } from 'node:timers/promises'
import { imap } from '../test/support/imap.ts'
import { type Smtp, smtp } from '../test/support/smtp.ts'
import type { MailHouse } from './mail-house.ts'
import type { MailPerson } from './mail-seed.ts'

export type Client = {
  name: string
  /** Instants of performance.now(). `worked`: the last time that it had a session, or that one did what it should. */
  worked: number
  /** When its session had ended, or (SMTP) refused; and when it first read that it may not sign in. */
  ended: number | undefined
  refused: number | undefined
  /** Sign-ins that were let in after it began to be watched. */
  returns: number
  /** From now on it comes back when its session ends; until `over` aborts. */
  watch(over: AbortSignal): Promise<void>
  close(): void
}
type SignIn = { mechanism: 'PLAIN' | 'OAUTHBEARER'; login: string; secret: string }

/** Milliseconds between two recipients that a live SMTP session asks about. */
const EVERY_MS = 25
/** A program comes back at once when its session ends, and a while later when it was refused. */
const AGAIN_MS = 250

const client = (name: string): Client => ({
  name,
  worked: performance.now(),
  ended: undefined,
  refused: undefined,
  returns: 0,
  watch: async () => undefined,
  close: () => undefined,
})

/** Neither let in nor refused: a server that is too busy is asked again. */
const isRefusal = (answer: string): boolean => /^NO \[AUTHENTICATIONFAILED\]|^NO \[ALERT\]|^535 /.test(answer)

/** A program that reads mail: IDLE until it is sent away. */
async function reader({ dovecot }: MailHouse, { mechanism, login, secret }: SignIn): Promise<Client> {
  const open = async () => {
    const session = await imap(dovecot.imapPort)
    const answer = await session.authenticate(mechanism, login, secret)
    return { session, answer }
  }
  let { session, answer } = await open()
  if (!answer.startsWith('OK')) throw new Error(`${login} is not let in: ${answer}`)
  await session.idle()
  const self: Client = {
    ...client(mechanism === 'PLAIN' ? 'IMAP' : 'IMAP with a token'),
    close: () => session.close(),
    async watch(over) {
      while (!over.aborted) {
        await session.bye(600_000).catch(() => undefined)
        if (over.aborted) return
        self.worked = performance.now()
        self.ended = self.worked
        for (; !over.aborted; ) {
          ;({ session, answer } = await open())
          if (answer.startsWith('OK')) {
            self.worked = performance.now()
            self.returns++
            break
          }
          session.close()
          if (!isRefusal(answer)) continue
          self.refused ??= performance.now()
          await sleep(AGAIN_MS)
        }
      }
    },
  }
  return self
}

/** A recipient that is looked at and taken back: the last answer. */
async function mayWrite(session: Smtp, login: string): Promise<string> {
  const sender = await session.command(`MAIL FROM:<${login}>`)
  const answer = sender.startsWith('2') ? await session.command('RCPT TO:<someone@example.net>') : sender
  await session.command('RSET')
  return answer
}

/** A program that sends mail: a session in which it goes on asking whether it may. */
async function sender({ postfix }: MailHouse, { login, secret }: SignIn): Promise<Client> {
  const open = async () => {
    const session = await smtp(postfix.submissionsPort, postfix.ca)
    return { session, answer: await session.authenticate(login, secret) }
  }
  let { session, answer } = await open()
  if (!answer.startsWith('235')) throw new Error(`${login} is not let in: ${answer}`)
  const self: Client = {
    ...client('SMTP'),
    close: () => session.close(),
    async watch(over) {
      while (!over.aborted) {
        const may = await mayWrite(session, login)
        if (may.startsWith('250')) {
          self.worked = performance.now()
          await sleep(EVERY_MS)
          continue
        }
        if (may.startsWith('45')) continue
        self.ended = performance.now()
        session.close()
        for (; !over.aborted; ) {
          ;({ session, answer } = await open())
          // A sign-in that is let in is a way in only if it may send.
          if (answer.startsWith('235') && (await mayWrite(session, login)).startsWith('250')) {
            self.worked = performance.now()
            self.returns++
            break
          }
          session.close()
          if (!isRefusal(answer)) continue
          self.refused ??= performance.now()
          await sleep(AGAIN_MS)
        }
      }
    },
  }
  return self
}

/** What one person has running: a phone and a desktop with a password each, the webmail with a token, and two that send. */
export async function programsOf(house: MailHouse, person: MailPerson, count: number): Promise<Client[]> {
  const { login } = person
  const [phone, desktop] = person.passwords
  const token = await house.token(person)
  return Promise.all(
    Array.from({ length: count }, (_, at) => {
      const secret = at % 4 < 2 ? phone.secret : desktop.secret
      if (at % 2 === 1) return sender(house, { mechanism: 'PLAIN', login, secret })
      return at % 4 === 0
        ? reader(house, { mechanism: 'OAUTHBEARER', login, secret: token })
        : reader(house, { mechanism: 'PLAIN', login, secret })
    }),
  )
}
