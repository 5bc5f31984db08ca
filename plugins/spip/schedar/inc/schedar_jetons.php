<?php
// What an ID token, a logout token and a status token must say. None is ever taken for another.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_jose');

/** Seconds by which the clocks of site and provider may differ, and for which a token is young. */
const SCHEDAR_ECART = 60;
const SCHEDAR_JEUNE = 600;

const SCHEDAR_EVENEMENT_FIN = 'http://schemas.openid.net/event/backchannel-logout';
const SCHEDAR_EVENEMENT_STATUT = 'urn:schedar:event:status';

function schedar_refuser_jeton(string $detail): void {
	throw new SchedarRefus('refus_jeton', "token refused: $detail");
}

/** Issuer, audience, subject and times, which both kinds of token share (OpenID Connect Core §3.1.3.7). */
function schedar_verifier_commun(array $dits): void {
	$reglages = schedar_reglages();
	if (!schedar_egal($reglages['emetteur'], $dits['iss'] ?? null)) {
		schedar_refuser_jeton('another issuer');
	}
	$pour = is_array($dits['aud'] ?? null) ? $dits['aud'] : [$dits['aud'] ?? null];
	if (!in_array($reglages['client'], $pour, true)) {
		schedar_refuser_jeton('meant for another client');
	}
	if ((count($pour) > 1 || isset($dits['azp'])) && !schedar_egal($reglages['client'], $dits['azp'] ?? null)) {
		schedar_refuser_jeton('azp is another client');
	}
	if (!is_string($dits['sub'] ?? null) || $dits['sub'] === '' || strlen($dits['sub']) > 255) {
		schedar_refuser_jeton('no subject');
	}
	$iat = $dits['iat'] ?? null;
	$exp = $dits['exp'] ?? null;
	$nbf = $dits['nbf'] ?? 0;
	if (!is_int($iat) || !is_int($exp) || !is_int($nbf)) {
		schedar_refuser_jeton('times missing');
	}
	$maintenant = time();
	if ($exp <= $maintenant - SCHEDAR_ECART || $nbf > $maintenant + SCHEDAR_ECART) {
		throw new SchedarRefus('refus_horloge', 'token refused: expired, or not valid yet; are the clocks right?');
	}
	if ($iat > $maintenant + SCHEDAR_ECART || $iat < $maintenant - SCHEDAR_JEUNE - SCHEDAR_ECART) {
		throw new SchedarRefus('refus_horloge', 'token refused: not of now; is the clock of this machine right?');
	}
}

/**
 * The claims of an ID token that answers this very attempt.
 *
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_jeton_identite($jeton, string $nonce, string $jeton_acces): array {
	[$entete, $dits] = schedar_lire_jeton($jeton);
	$typ = $entete['typ'] ?? 'JWT';
	if (!is_string($typ) || strcasecmp($typ, 'JWT') !== 0 || isset($dits['events'])) {
		schedar_refuser_jeton('not an ID token');
	}
	schedar_verifier_commun($dits);
	if (!schedar_egal($nonce, $dits['nonce'] ?? null)) {
		schedar_refuser_jeton('another nonce');
	}
	// §3.1.3.6: binds the access token to this ID token. Both algorithms here hash with SHA-256.
	$at_hash = schedar_base64url(substr(hash('sha256', $jeton_acces, true), 0, 16));
	if (isset($dits['at_hash']) && !schedar_egal($at_hash, $dits['at_hash'])) {
		schedar_refuser_jeton('the access token is not the one it came with');
	}

	return $dits;
}

/**
 * The claims of a token that tells of one event, and what it says of it (RFC 8417 §2.2). The type decides what it is
 * (RFC 8725 §3.11), and its signature has been checked before anything of it counts.
 *
 * @return array{0: array<string, mixed>, 1: stdClass}
 * @throws SchedarRefus
 */
function schedar_jeton_evenement($jeton, string $type, string $evenement): array {
	[$entete, $dits] = schedar_lire_jeton($jeton);
	$typ = is_string($entete['typ'] ?? null) ? strtolower($entete['typ']) : '';
	if ($typ !== $type && $typ !== "application/$type") {
		schedar_refuser_jeton("not a $type");
	}
	schedar_verifier_commun($dits);
	if (isset($dits['nonce'])) {
		schedar_refuser_jeton('a token of events has no nonce');
	}
	$dit = ($dits['events'] ?? null) instanceof stdClass ? $dits['events']->{$evenement} ?? null : null;
	if (!$dit instanceof stdClass) {
		schedar_refuser_jeton('it tells of another event, or of none');
	}
	if (!is_string($dits['jti'] ?? null) || $dits['jti'] === '') {
		schedar_refuser_jeton('no jti');
	}

	return [$dits, $dit];
}

/**
 * The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.6). `sub` is asked for: SPIP copies what a
 * session holds to the author's other sessions, so a `sid` kept there would soon be another browser's.
 *
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_jeton_fin($jeton): array {
	return schedar_jeton_evenement($jeton, 'logout+jwt', SCHEDAR_EVENEMENT_FIN)[0];
}

/**
 * The claims of a status token, and the roles that it names.
 *
 * @return array{0: array<string, mixed>, 1: string[]}
 * @throws SchedarRefus
 */
function schedar_jeton_statut($jeton): array {
	[$dits, $dit] = schedar_jeton_evenement($jeton, 'schedar-status+jwt', SCHEDAR_EVENEMENT_STATUT);
	$roles = $dit->roles ?? null;
	if (!is_array($roles) || array_filter($roles, 'is_string') !== $roles) {
		schedar_refuser_jeton('its roles are not a list of words');
	}

	return [$dits, $roles];
}
