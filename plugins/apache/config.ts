// What schedar.yaml says of an Apache whose sites Schedar closes and whose traffic it counts.
import { isAbsolute, normalize } from 'node:path'
import { z } from 'zod'

/** Stands in Apache's configuration and in shell commands as it is. */
const PATH = /^\/[\w./-]*[\w.-]$/
const plainPath = z
  .string()
  .refine(
    (path) => PATH.test(path) && isAbsolute(path) && normalize(path) === path,
    'must be an absolute path of letters, digits, ".", "_" and "-"',
  )

/** RFC 1123 §2.1, as sites are named. */
const HOST = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
export const isHostName = (name: string): boolean => HOST.test(name)
const hostName = z.string().refine(isHostName, 'must be a host name in lower case')

const isNear = (text: string): boolean =>
  /^http:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?\/$/.test(text) && URL.canParse(text)

export const config = z.strictObject({
  folder: plainPath.describe(
    "Folder with a file for each closed site, an absolute path on Apache's machine. Writable by Schedar alone, to be looked into by Apache.",
  ),
  host: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Host name of the machine whose Apache this is; a Schedar on another machine leaves it alone. Default: any.',
    ),
  aliases: z
    .record(hostName, z.array(hostName))
    .default({})
    .describe(
      'For sites that answer to other names than their own and the same with or without `www.`: those names, in place of that one.',
    ),
  accessLogs: z
    .array(plainPath)
    .default(['/var/log/apache2/other_vhosts_access.log'])
    .describe("Access logs to count each site's traffic from, in the format vhost_combined; `[]`: it is not counted."),
  probe: z
    .string()
    .refine(isNear, 'must be http://127.0.0.1/, or the like with a port')
    .default('http://127.0.0.1/')
    .describe(
      'Where this Apache answers on its own machine: asked for a site that never is, it must say that it is closed.',
    ),
})
export type ApacheConfig = z.infer<typeof config>
