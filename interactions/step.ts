// A sign-in is a row of steps on one address; which page shows is the provider's word (the prompt), never the browser's.
import type { Context } from 'koa'
import { AppError } from '../src/domain/errors.ts'
import type { AccountInForce } from '../src/ports.ts'
import type { Page } from '../src/web/page.ts'
import { consent } from './consent.ts'
import type { Desk, Interaction, Step, StepPage } from './desk.ts'
import { login } from './login.ts'
import { membership } from './membership.ts'
import { secondFactor } from './second-factor.ts'

async function waiting(desk: Desk, ctx: Context): Promise<Interaction> {
  try {
    const interaction = await desk.provider().interactionDetails(ctx.req, ctx.res)
    if (interaction.uid === ctx.params.uid) return interaction
  } catch (error) {
    if ((error as { error?: string }).error !== 'invalid_request') throw error
  }
  throw new AppError('interaction_expired')
}

/** A door may have opened while the page that says no was open: the sign-in goes on. */
const mayNow = async (desk: Desk, { params }: Interaction, { accountId }: AccountInForce): Promise<boolean> =>
  (await desk.core.doors.access(accountId, String(params.client_id))).access !== 'none'

export function step(desk: Desk): Page<Step> {
  const pages: Record<string, StepPage> = {
    login: login(desk),
    second_factor: secondFactor(desk),
    membership: membership(desk),
    consent: consent(desk),
  }
  const pageOf = ({ interaction }: Step): StepPage => {
    const page = pages[interaction.prompt.name]
    if (!page)
      throw new AppError('interaction_expired', { detail: `no page for the prompt ${interaction.prompt.name}` })
    return page
  }
  return {
    path: '/interaction/:uid',
    async guard(ctx) {
      const interaction = await waiting(desk, ctx)
      const client = await desk.provider().Client.find(String(interaction.params.client_id))
      const accountId = interaction.session?.accountId
      const account = accountId ? await desk.core.doors.facts(accountId) : undefined
      if (interaction.prompt.name !== 'login' && !account) throw new AppError('interaction_expired')
      if (interaction.prompt.name === 'membership' && (await mayNow(desk, interaction, account!))) {
        ctx.status = 303
        ctx.redirect(await desk.provider().interactionResult(ctx.req, ctx.res, { membership: {} }))
      }
      return {
        interaction,
        clientName: client?.clientName ?? String(interaction.params.client_id),
        firstParty: client?.schedar_party === 'first',
        account,
      }
    },
    show: (found, view, ctx) => pageOf(found).show(found, view, ctx),
    submit: (found, form, view, ctx) => pageOf(found).submit(found, form, view, ctx),
  }
}
