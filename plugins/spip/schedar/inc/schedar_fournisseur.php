<?php
// What the provider publishes: its endpoints (OpenID Connect Discovery) and its keys (JWKS), kept in tmp/ for an hour.
// One hit fetches at a time; while the provider is down, the older copy serves for a day.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar');
include_spip('inc/schedar_http');

/** Seconds: a copy is fresh, a copy is better than none, a new try after a failure, a new try for an unknown key. */
const SCHEDAR_FRAIS = 3600;
const SCHEDAR_RASSIS = 86400;
const SCHEDAR_PAUSE = 10;
const SCHEDAR_PAUSE_CLES = 30;

/** @return array{document: ?array, le: int, essai: int, force: int} the copy, when it was fetched, tried, forced */
function schedar_lire_copie(string $fichier): array {
	$lu = is_file($fichier) ? json_decode((string) file_get_contents($fichier), true) : null;

	return (is_array($lu) ? $lu : []) + ['document' => null, 'le' => 0, 'essai' => 0, 'force' => 0];
}

/** The copy, if nothing has to be fetched for it now. */
function schedar_copie_utilisable(array $copie, bool $forcer): ?array {
	$servable = $copie['document'] && time() - $copie['le'] < SCHEDAR_RASSIS ? $copie['document'] : null;
	if ($forcer) {
		return time() - $copie['force'] < SCHEDAR_PAUSE_CLES ? $servable : null;
	}

	return time() - $copie['le'] < SCHEDAR_FRAIS || time() - $copie['essai'] < SCHEDAR_PAUSE ? $servable : null;
}

function schedar_ecrire_copie(string $fichier, array $copie): void {
	$neuf = $fichier . '.' . getmypid() . '.tmp';
	if (file_put_contents($neuf, json_encode($copie, JSON_UNESCAPED_SLASHES)) !== false) {
		rename($neuf, $fichier);
	}
}

/**
 * A document of the provider, from the copy or fetched.
 *
 * @param callable(array): bool $valable
 */
function schedar_document(string $nom, string $adresse, callable $valable, bool $forcer = false): ?array {
	$fichier = schedar_dossier() . $nom . '-' . substr(hash('sha256', $adresse), 0, 16) . '.json';
	$copie = schedar_lire_copie($fichier);
	if ($document = schedar_copie_utilisable($copie, $forcer)) {
		return $document;
	}
	$verrou = fopen("$fichier.verrou", 'c');
	$seul = $verrou && flock($verrou, LOCK_EX | ($copie['document'] && !$forcer ? LOCK_NB : 0));
	if (!$seul) {
		// Somebody else is fetching it: the older copy does meanwhile.
		return $copie['document'];
	}
	$copie = schedar_lire_copie($fichier);
	$document = schedar_copie_utilisable($copie, $forcer);
	if (!$document && ($forcer || $copie['document'] || time() - $copie['essai'] >= SCHEDAR_PAUSE)) {
		$copie['essai'] = time();
		$copie['force'] = $forcer ? time() : $copie['force'];
		$reponse = schedar_http($adresse);
		if ($reponse && $reponse['statut'] === 200 && $reponse['json'] && $valable($reponse['json'])) {
			$copie['document'] = $reponse['json'];
			$copie['le'] = time();
		} else {
			$cause = $reponse ? 'status ' . $reponse['statut'] . ' or not what it should be' : 'no answer';
			schedar_journal("$nom cannot be fetched from $adresse: $cause");
		}
		schedar_ecrire_copie($fichier, $copie);
		$document = time() - $copie['le'] < SCHEDAR_RASSIS ? $copie['document'] : null;
	}
	flock($verrou, LOCK_UN);

	return $document;
}

/** OpenID Connect Discovery 1.0 §4.3: the document must name the very issuer it was asked of. */
function schedar_decouverte_valable(array $document): bool {
	if (!schedar_egal(schedar_reglages()['emetteur'], $document['issuer'] ?? null)) {
		return false;
	}
	foreach (['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'] as $nom) {
		if (!is_string($document[$nom] ?? null) || !schedar_adresse_permise($document[$nom])) {
			return false;
		}
	}

	$fin = $document['end_session_endpoint'] ?? null;

	return $fin === null || (is_string($fin) && schedar_adresse_permise($fin));
}

/**
 * @return array<string, mixed>
 * @throws SchedarRefus
 */
function schedar_decouverte(): array {
	$adresse = rtrim(schedar_reglages()['emetteur'], '/') . '/.well-known/openid-configuration';
	$document = schedar_document('decouverte', $adresse, 'schedar_decouverte_valable');
	if (!$document) {
		throw new SchedarRefus('refus_fournisseur', 'the discovery document cannot be had', 503);
	}

	return $document;
}

/** How this client shows itself (RFC 6749 §2.3.1): both halves are form-encoded before they are joined. */
function schedar_entete_client(): string {
	$reglages = schedar_reglages();

	return 'Authorization: Basic ' . base64_encode(urlencode($reglages['client']) . ':' . urlencode($reglages['secret']));
}

/**
 * The keys of the issuer. `$forcer` fetches them anew, at most twice a minute whoever asks.
 *
 * @return array<int, array<string, mixed>>
 * @throws SchedarRefus
 */
function schedar_cles(bool $forcer = false): array {
	$document = schedar_document('cles', schedar_decouverte()['jwks_uri'], fn(array $jwks) => is_array($jwks['keys'] ?? null), $forcer);
	if (!$document) {
		throw new SchedarRefus('refus_fournisseur', 'the keys cannot be had', 503);
	}

	return array_values(array_filter($document['keys'], 'is_array'));
}
