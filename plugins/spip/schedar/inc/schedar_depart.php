<?php
// A sign-in under way, bound to the browser that began it: one signed cookie for each, so that several tabs can sign in
// at once and anonymous visitors need no SPIP session. The cookie's name carries the `state`, its end ends the attempt.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar');

/** Seconds within which the visitor has to come back: a password forgotten and found again takes a while. */
const SCHEDAR_DUREE_DEPART = 3600;
/** Attempts kept for a browser. Apache refuses a Cookie header above 8 kB, and with it the whole site. */
const SCHEDAR_DEPARTS = 6;

/** `__Host-`: no other site of the domain can plant one (RFC 6265bis §4.1.3.2); it needs https. */
function schedar_cookie_prefixe(): string {
	return (str_starts_with(schedar_reglages()['site'], 'https://') ? '__Host-' : '') . 'schedar_' . schedar_marque_du_site() . '_';
}

function schedar_poser_cookie(string $nom, string $valeur, int $expire): void {
	setcookie($nom, $valeur, [
		'expires' => $expire,
		'path' => '/',
		'secure' => str_starts_with($nom, '__Host-'),
		'httponly' => true,
		'samesite' => 'Lax',
	]);
}

/** The state is part of what is signed: a cookie renamed is a cookie forged. */
function schedar_signer(string $state, string $charge): string {
	$cle = hash_hmac('sha256', 'schedar: depart', schedar_reglages()['secret'], true);

	return schedar_base64url(hash_hmac('sha256', "$state.$charge", $cle, true));
}

/** @return array{n: string, v: string, r: string, t: int}|null nonce, verifier, return address, when it began */
function schedar_lire_depart(string $state, $cookie): ?array {
	$parties = is_string($cookie) ? explode('.', $cookie) : [];
	if (count($parties) !== 2 || !hash_equals(schedar_signer($state, $parties[0]), $parties[1])) {
		return null;
	}
	$depart = json_decode((string) schedar_de_base64url($parties[0]), true);

	return is_array($depart) && $depart['t'] > time() - SCHEDAR_DUREE_DEPART ? $depart : null;
}

/** Forget the attempts that are over, forged or too many: the oldest go first. */
function schedar_ranger_departs(): void {
	$prefixe = schedar_cookie_prefixe();
	$departs = [];
	foreach ($_COOKIE as $nom => $valeur) {
		if (str_starts_with((string) $nom, $prefixe)) {
			$departs[$nom] = schedar_lire_depart(substr($nom, strlen($prefixe)), $valeur)['t'] ?? 0;
		}
	}
	arsort($departs);
	foreach (array_slice($departs, SCHEDAR_DEPARTS - 1) as $nom => $t) {
		schedar_poser_cookie($nom, '', 1);
	}
}

/** @return array{state: string, nonce: string, verifier: string} */
function schedar_ouvrir_depart(string $retour): array {
	schedar_ranger_departs();
	$state = schedar_base64url(random_bytes(16));
	$nonce = schedar_base64url(random_bytes(16));
	$verifier = schedar_base64url(random_bytes(32));
	$charge = schedar_base64url(json_encode(['n' => $nonce, 'v' => $verifier, 'r' => $retour, 't' => time()], JSON_UNESCAPED_SLASHES));
	schedar_poser_cookie(schedar_cookie_prefixe() . $state, $charge . '.' . schedar_signer($state, $charge), time() + SCHEDAR_DUREE_DEPART);

	return ['state' => $state, 'nonce' => $nonce, 'verifier' => $verifier];
}

/**
 * The attempt that this browser began with this state; taken once.
 *
 * @return array{n: string, v: string, r: string, t: int}
 * @throws SchedarRefus
 */
function schedar_reprendre_depart($state): array {
	if (!is_string($state) || !preg_match('/^[A-Za-z0-9_-]{22}$/D', $state)) {
		throw new SchedarRefus('refus_retour', 'the answer carries no state of ours', 400);
	}
	$nom = schedar_cookie_prefixe() . $state;
	$depart = schedar_lire_depart($state, $_COOKIE[$nom] ?? null);
	schedar_poser_cookie($nom, '', 1);
	if (!$depart) {
		throw new SchedarRefus('refus_retour', 'the state was not begun by this browser, or too long ago, or is used up', 400);
	}

	return $depart;
}
