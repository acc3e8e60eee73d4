/** Why a sign-in at another issuer ended on our page, as the address says it. Only what stands here is shown. */
const PROBLEMS: Readonly<Record<string, { title: string; remedy: string }>> = {
  not_linked: {
    title: 'This account is not linked to anybody here.',
    remedy: 'Sign in with your password and link it under My account, or ask for an invitation.',
  },
  already_linked: {
    title: 'This account is linked to somebody here already.',
    remedy: 'Sign in with it, or use another one.',
  },
  email_taken: { title: 'Somebody with this e-mail address is a user already.', remedy: 'Sign in instead.' },
  expired: { title: 'This sign-in is no longer open.', remedy: 'Begin again, in this browser.' },
  provider_refused: { title: 'The sign-in there was not completed.', remedy: 'Try again, or sign in another way.' },
  provider_away: { title: 'The provider can not be reached.', remedy: 'Try again shortly, or sign in another way.' },
  unknown_provider: { title: 'There is no such provider.', remedy: 'Sign in another way.' },
  rate_limited: { title: 'There were too many attempts.', remedy: 'Wait a minute, then try again.' },
}

export const providerProblem = (name: string | undefined) =>
  name !== undefined && Object.hasOwn(PROBLEMS, name) ? PROBLEMS[name] : undefined
