<?php
// What an ID token, a logout token and a status token say to this site. Their signatures and claims are checked by
// schedar_tokens.php, which the kits of several applications share; here are the site's settings and its way of refusing.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_fournisseur');
include_spip('inc/schedar_tokens');

const SCHEDAR_EVENEMENT_STATUT = 'urn:schedar:event:status';

/**
 * @param callable(schedar_tokens): array $verification
 * @throws SchedarRefus
 */
function schedar_verifier(callable $verification): array {
	$reglages = schedar_reglages();
	try {
		return $verification(new schedar_tokens($reglages['emetteur'], $reglages['client'], 'schedar_cles'));
	} catch (schedar_token_refused $refus) {
		throw new SchedarRefus($refus->of_clock ? 'refus_horloge' : 'refus_jeton', 'token refused: ' . $refus->getMessage());
	}
}

/**
 * The claims of an ID token that answers this very attempt.
 *
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_jeton_identite($jeton, string $nonce, string $jeton_acces): array {
	return schedar_verifier(fn(schedar_tokens $jetons) => $jetons->id_token($jeton, $nonce, $jeton_acces));
}

/**
 * The claims of a logout token. `sub` is asked for: SPIP copies what a session holds to the author's other sessions, so a
 * `sid` kept there would soon be another browser's.
 *
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_jeton_fin($jeton): array {
	return schedar_verifier(fn(schedar_tokens $jetons) => $jetons->logout_token($jeton));
}

/**
 * The claims of a status token, and the roles that it names.
 *
 * @return array{0: array<string, mixed>, 1: string[]}
 * @throws SchedarRefus
 */
function schedar_jeton_statut($jeton): array {
	[$dits, $dit] = schedar_verifier(fn(schedar_tokens $jetons) => $jetons->event_token($jeton, 'schedar-status+jwt', SCHEDAR_EVENEMENT_STATUT));
	$roles = $dit->roles ?? null;
	if (!is_array($roles) || array_filter($roles, 'is_string') !== $roles) {
		throw new SchedarRefus('refus_jeton', 'token refused: its roles are not a list of words');
	}

	return [$dits, $roles];
}
