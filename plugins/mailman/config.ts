// The plugin's part of schedar.yaml.
import { z } from 'zod'
import { listsConfig } from '../../src/plugin-lists.ts'

/** Passwords go over it in the clear. */
const isNear = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'http:' && /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(url.hostname)
}

export const config = z.strictObject({
  url: z
    .string()
    .refine((text) => text.startsWith('https://') || isNear(text), 'must be https://, or http:// on this machine')
    .default('http://127.0.0.1:8001/3.1')
    .describe("The address of Mailman core's REST API, with its version."),
  user: z.string().min(1).default('restadmin').describe("The API's user: `admin_user` of mailman.cfg."),
  password: z.string().min(1).describe("A reference to the API's password: `admin_pass` of mailman.cfg."),
  lists: listsConfig,
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'With several Schedars: host name of the machine whose Schedar tells Mailman; the others leave it alone. Default: any.',
    ),
})
export type MailmanConfig = z.infer<typeof config>
