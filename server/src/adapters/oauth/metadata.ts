/** The documents by which a client finds its way: RFC 8414 and OpenID discovery (the same), and RFC 9728. */
import { AUTHORIZE_PATH, JWKS_PATH, REGISTER_PATH, REVOKE_PATH, TOKEN_PATH } from '../../oauth/settings.ts'

export const SERVER_METADATA_PATHS = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource'

export function serverMetadata(issuer: string, scopes: readonly string[]) {
  return {
    issuer,
    authorization_endpoint: `${issuer}${AUTHORIZE_PATH}`,
    token_endpoint: `${issuer}${TOKEN_PATH}`,
    registration_endpoint: `${issuer}${REGISTER_PATH}`,
    revocation_endpoint: `${issuer}${REVOKE_PATH}`,
    jwks_uri: `${issuer}${JWKS_PATH}`,
    // Some clients ask for offline_access by habit; refresh tokens are given without it too.
    scopes_supported: [...scopes, 'offline_access'],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    // OpenID discovery demands these; no identity token is ever issued.
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
    request_uri_parameter_supported: false,
    request_parameter_supported: false,
  }
}

export function resourceMetadata(resource: string, issuer: string, scopes: readonly string[]) {
  return {
    resource,
    authorization_servers: [issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: 'Breeze',
  }
}
