// How mail leaves: through an SMTP server, or, where none is configured, into files that only this user can read.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createTransport, type Transporter } from 'nodemailer'
import { AppError } from '../../src/domain/errors.ts'
import type { Clock, Mail, Mailer } from '../../src/ports.ts'

type SmtpOptions = {
  url: string
  user?: string | undefined
  password?: string | undefined
  from: () => Promise<string>
}

const TIMEOUT_MS = 10_000

/** A mail as nodemailer takes it. */
const message = async (from: () => Promise<string>, { attachments = [], ...mail }: Mail) => ({
  from: await from(),
  // RFC 3834 §5: nobody's vacation notice answers it.
  headers: { 'Auto-Submitted': 'auto-generated' },
  ...mail,
  attachments: attachments.map(({ filename, type, content }) => ({
    filename,
    contentType: type,
    content: Buffer.from(content),
  })),
})

/** Sends through `smtp://` (STARTTLS when offered) or `smtps://`. Throws `service_unavailable` when it cannot. */
export function smtpMailer({ url, user, password, from }: SmtpOptions): Mailer {
  const { protocol, hostname, port } = new URL(url)
  const transport: Transporter = createTransport({
    host: hostname,
    port: Number(port || (protocol === 'smtps:' ? 465 : 587)),
    secure: protocol === 'smtps:',
    ...(user && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  const failed = (cause: unknown) =>
    new AppError('service_unavailable', {
      detail: `the mail server ${hostname} does not take mail: ${(cause as Error).message}`,
      cause,
    })
  return {
    send: async (mail) => {
      await transport.sendMail(await message(from, mail)).catch((cause) => {
        throw failed(cause)
      })
    },
    check: async () => {
      await transport.verify().catch((cause) => {
        throw failed(cause)
      })
    },
    close: async () => transport.close(),
  }
}

/** Writes each mail as a file, mode 0600, and says where: for trying things out, and for a host without a mail server. */
export function fileMailer(
  folder: string,
  clock: Clock,
  from: () => Promise<string>,
  onWritten: (path: string, to: string) => void,
): Mailer {
  const transport = createTransport({ streamTransport: true, buffer: true })
  let written = 0
  return {
    send: async (mail) => {
      const sent = await transport.sendMail(await message(from, mail))
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const path = join(folder, `${clock.now()}-${++written}.eml`)
      await writeFile(path, sent.message as Buffer, { mode: 0o600 })
      onWritten(path, mail.to)
    },
    check: async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
    },
    close: async () => {},
  }
}
