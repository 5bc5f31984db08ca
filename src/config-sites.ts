// The part of schedar.yaml about sites that members connect by themselves.
import { isIP } from 'node:net'
import { z } from 'zod'

export const sitesConfig = z
  .strictObject({
    selfService: z
      .boolean()
      .default(true)
      .describe('Whether those who look after the sites of a member may connect another one by themselves.'),
    reserved: z
      .array(z.hostname())
      .default([])
      .describe(
        'Host names, with all below them, that nobody registers. That of the issuer and those in this file always are.',
      ),
    withoutProof: z
      .array(z.hostname())
      .default([])
      .describe(
        'Host names of sites that the association hosts itself: the member who holds a site of that name, or below it, connects it without proving anything.',
      ),
    pendingDays: z.int().min(1).max(90).default(14).describe('Days that somebody has to prove control over a site.'),
    pendingPerMember: z
      .int()
      .min(1)
      .default(5)
      .describe('Sites that one member may have under way, neither proved nor given up.'),
    guestsPerSite: z.int().min(0).default(20).describe('People outside the member who may work at one site.'),
    invitationsPerSite: z.int().min(1).default(10).describe('Invitations of guests that may be open at one site.'),
    resolver: z
      .string()
      .refine(
        (text) => isIP(text) !== 0 || isIP(URL.parse(`dns://${text}`)?.hostname.replace(/[[\]]/g, '') ?? '') !== 0,
        {
          error: 'write an address such as 192.0.2.1 or 192.0.2.1:53',
        },
      )
      .optional()
      .describe(
        'The DNS resolver that is asked about a site, with its port if it is not 53. Without it: those of the system.',
      ),
    reach: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]))
      .default([])
      .describe(
        'Private addresses (or ranges) where the file of a site may be looked for: those of the web servers here. Public ones always may.',
      ),
    httpsPort: z.int().min(1).max(65535).default(443).describe('The TCP port at which a site is asked for its file.'),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(30)
      .default(5)
      .describe('Seconds that looking for a proof may take, DNS and web each.'),
  })
  .prefault({})
  .describe('Sites that members connect by themselves, and their guests.')
