<?php
// Signed tokens (RFC 7515) with openssl alone. The key decides the algorithm, never the token: RSA is RS256, P-256 is
// ES256, and nothing else exists here. Keys come from the issuer's JWKS by `kid`; whatever else a header says of keys
// (jku, jwk, x5u, x5c) is not read.

if (!defined('_ECRIRE_INC_VERSION')) {
	return;
}

include_spip('inc/schedar_fournisseur');

const SCHEDAR_JETON_TAILLE = 16384;

function schedar_der(int $type, string $valeur): string {
	$n = strlen($valeur);
	if ($n < 128) {
		return chr($type) . chr($n) . $valeur;
	}
	$longueur = ltrim(pack('N', $n), "\0");

	return chr($type) . chr(0x80 | strlen($longueur)) . $longueur . $valeur;
}

/** An unsigned number as a DER INTEGER: no useless zero in front, one where the first bit would mean « negative ». */
function schedar_der_entier(string $octets): string {
	$octets = ltrim($octets, "\0");
	if ($octets === '' || ord($octets[0]) & 0x80) {
		$octets = "\0" . $octets;
	}

	return schedar_der(0x02, $octets);
}

/** A public JWK (RFC 7518 §6) as PEM, with the one algorithm it may verify; null for any other key. */
function schedar_cle_publique(array $jwk): ?array {
	if (($jwk['use'] ?? 'sig') !== 'sig') {
		return null;
	}
	if (($jwk['kty'] ?? '') === 'RSA') {
		$n = ltrim((string) schedar_de_base64url($jwk['n'] ?? null), "\0");
		$e = (string) schedar_de_base64url($jwk['e'] ?? null);
		if (strlen($n) < 256 || $e === '') {
			return null;
		}
		$cle = schedar_der(0x30, schedar_der_entier($n) . schedar_der_entier($e));
		$algorithme = hex2bin('300d06092a864886f70d0101010500');
		$alg = 'RS256';
	} elseif (($jwk['kty'] ?? '') === 'EC' && ($jwk['crv'] ?? '') === 'P-256') {
		$x = (string) schedar_de_base64url($jwk['x'] ?? null);
		$y = (string) schedar_de_base64url($jwk['y'] ?? null);
		if (strlen($x) !== 32 || strlen($y) !== 32) {
			return null;
		}
		$cle = "\x04" . $x . $y;
		$algorithme = hex2bin('301306072a8648ce3d020106082a8648ce3d030107');
		$alg = 'ES256';
	} else {
		return null;
	}
	if (($jwk['alg'] ?? $alg) !== $alg) {
		return null;
	}
	$der = schedar_der(0x30, $algorithme . schedar_der(0x03, "\0" . $cle));

	return ['alg' => $alg, 'pem' => "-----BEGIN PUBLIC KEY-----\n" . chunk_split(base64_encode($der), 64, "\n") . "-----END PUBLIC KEY-----\n"];
}

/** The issuer's key of this `kid` for this algorithm; the JWKS is fetched anew for a `kid` that it does not know. */
function schedar_chercher_cle(string $kid, string $alg): ?string {
	foreach ([false, true] as $forcer) {
		$connu = false;
		foreach (schedar_cles($forcer) as $jwk) {
			if (schedar_egal($kid, $jwk['kid'] ?? null)) {
				$connu = true;
				$cle = schedar_cle_publique($jwk);
				if ($cle && $cle['alg'] === $alg) {
					return $cle['pem'];
				}
			}
		}
		if ($connu) {
			return null;
		}
	}

	return null;
}

/** ECDSA in a JWS is r and s of 32 bytes each (RFC 7518 §3.4); openssl wants them in DER. */
function schedar_signature_der(string $alg, string $signature): ?string {
	if ($alg === 'RS256') {
		return $signature;
	}
	if (strlen($signature) !== 64) {
		return null;
	}

	return schedar_der(0x30, schedar_der_entier(substr($signature, 0, 32)) . schedar_der_entier(substr($signature, 32)));
}

/**
 * Header and payload of a token signed by the issuer; nested objects stay objects.
 *
 * @return array{0: array<string, mixed>, 1: array<string, mixed>}
 * @throws SchedarRefus
 */
function schedar_lire_jeton($jeton): array {
	$refus = fn(string $detail) => new SchedarRefus('refus_jeton', "token refused: $detail");
	$parties = is_string($jeton) && strlen($jeton) <= SCHEDAR_JETON_TAILLE ? explode('.', $jeton) : [];
	if (count($parties) !== 3) {
		throw $refus('not a compact JWS');
	}
	$objet = fn(string $partie) => json_decode((string) schedar_de_base64url($partie), false, 8);
	$entete = $objet($parties[0]);
	$charge = $objet($parties[1]);
	$signature = schedar_de_base64url($parties[2]);
	if (!$entete instanceof stdClass || !$charge instanceof stdClass || $signature === null) {
		throw $refus('header, payload or signature is not what it should be');
	}
	$entete = (array) $entete;
	$alg = $entete['alg'] ?? null;
	$kid = $entete['kid'] ?? null;
	if (!in_array($alg, ['RS256', 'ES256'], true) || !is_string($kid) || isset($entete['crit'])) {
		throw $refus('algorithm, kid or crit in its header');
	}
	$pem = schedar_chercher_cle($kid, $alg);
	$der = schedar_signature_der($alg, $signature);
	if ($pem === null || $der === null) {
		throw $refus('no key of the issuer fits it');
	}
	$cle = openssl_pkey_get_public($pem);
	if (!$cle || openssl_verify("$parties[0].$parties[1]", $der, $cle, OPENSSL_ALGO_SHA256) !== 1) {
		throw $refus('wrong signature');
	}

	return [$entete, (array) $charge];
}
