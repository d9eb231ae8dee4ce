/* ssh_keywords.c - see ssh_keywords.h */
#include "ssh/ssh_keywords.h"

#include <strings.h>

#include "base/mem.h"

/*
 * The last column holds values that ask for what happens anyway (nothing is forwarded, no agent
 * is asked, nobody is prompted); "*" marks keywords that concern only ssh's own terminal.
 */
static const struct ssh_keyword KEYWORDS[] = {
	{ "Host", SSH_HOST, SSH_WORDS, NULL },
	{ "Match", SSH_MATCH, SSH_REST, NULL },
	{ "Include", SSH_INCLUDE, SSH_WORDS, NULL },
	{ "IgnoreUnknown", SSH_IGNORE_UNKNOWN, SSH_TEXT, NULL },
	{ "HostName", SSH_HOSTNAME, SSH_TEXT, NULL },
	{ "User", SSH_USER, SSH_TEXT, NULL },
	{ "Port", SSH_PORT, SSH_TEXT, NULL },
	{ "HostKeyAlias", SSH_HOST_KEY_ALIAS, SSH_TEXT, NULL },
	{ "StrictHostKeyChecking", SSH_STRICT, SSH_TEXT, NULL },
	{ "AddressFamily", SSH_ADDRESS_FAMILY, SSH_TEXT, NULL },
	{ "BindAddress", SSH_BIND_ADDRESS, SSH_TEXT, NULL },
	{ "BindInterface", SSH_BIND_INTERFACE, SSH_TEXT, NULL },
	{ "ConnectTimeout", SSH_CONNECT_TIMEOUT, SSH_TIME, NULL },
	{ "ServerAliveInterval", SSH_ALIVE_INTERVAL, SSH_TIME, NULL },
	{ "ServerAliveCountMax", SSH_ALIVE_COUNT_MAX, SSH_NUMBER, NULL },
	{ "IdentityFile", SSH_IDENTITY_FILE, SSH_TEXT, NULL },
	{ "IdentitiesOnly", SSH_IDENTITIES_ONLY, SSH_FLAG, NULL },
	{ "IdentityAgent", SSH_IDENTITY_AGENT, SSH_TEXT, NULL },
	{ "CertificateFile", SSH_CERTIFICATE_FILE, SSH_TEXT, NULL },
	{ "ForwardAgent", SSH_FORWARD_AGENT, SSH_TEXT, NULL },
	{ "ProxyJump", SSH_PROXY_JUMP, SSH_REST, NULL },
	{ "ProxyCommand", SSH_PROXY_COMMAND, SSH_REST, NULL },
	{ "ProxyUseFdpass", SSH_PROXY_FDPASS, SSH_FLAG, NULL },
	{ "UserKnownHostsFile", SSH_USER_KNOWN_HOSTS, SSH_WORDS, NULL },
	{ "GlobalKnownHostsFile", SSH_GLOBAL_KNOWN_HOSTS, SSH_WORDS, NULL },
	{ "HashKnownHosts", SSH_HASH_KNOWN_HOSTS, SSH_FLAG, NULL },
	{ "KnownHostsCommand", SSH_KNOWN_HOSTS_COMMAND, SSH_REST, NULL },
	{ "RevokedHostKeys", SSH_REVOKED_HOST_KEYS, SSH_TEXT, NULL },
	{ "CheckHostIP", SSH_CHECK_HOST_IP, SSH_FLAG, NULL },
	{ "KexAlgorithms", SSH_KEX, SSH_TEXT, NULL },
	{ "HostKeyAlgorithms", SSH_HOST_KEY_ALGORITHMS, SSH_TEXT, NULL },
	{ "Ciphers", SSH_CIPHERS, SSH_TEXT, NULL },
	{ "MACs", SSH_MACS, SSH_TEXT, NULL },
	{ "SetEnv", SSH_SET_ENV, SSH_WORDS, NULL },
	{ "SendEnv", SSH_SEND_ENV, SSH_WORDS, NULL },
	{ "PreferredAuthentications", SSH_PREFERRED_AUTH, SSH_TEXT, NULL },
	{ "PubkeyAuthentication", SSH_PUBKEY_AUTH, SSH_TEXT, NULL },
	{ "GSSAPIAuthentication", SSH_GSSAPI_AUTH, SSH_FLAG, NULL },
	{ "HostbasedAuthentication", SSH_HOSTBASED_AUTH, SSH_FLAG, NULL },
	{ "PKCS11Provider", SSH_PKCS11_PROVIDER, SSH_TEXT, NULL },
	{ "SecurityKeyProvider", SSH_SK_PROVIDER, SSH_TEXT, NULL },
	{ "CanonicalizeHostname", SSH_CANONICALIZE, SSH_TEXT, NULL },
	{ "Tag", SSH_TAG, SSH_TEXT, NULL },
	{ "AddKeysToAgent", SSH_OTHER, SSH_ANY, "no" },
	{ "BatchMode", SSH_OTHER, SSH_ANY, "yes" },
	{ "CASignatureAlgorithms", SSH_OTHER, SSH_ANY, NULL },
	{ "CanonicalDomains", SSH_OTHER, SSH_ANY, NULL },
	{ "CanonicalizeFallbackLocal", SSH_OTHER, SSH_ANY, NULL },
	{ "CanonicalizeMaxDots", SSH_OTHER, SSH_ANY, NULL },
	{ "CanonicalizePermittedCNAMEs", SSH_OTHER, SSH_ANY, NULL },
	{ "ChallengeResponseAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "ChannelTimeout", SSH_OTHER, SSH_ANY, NULL },
	{ "Cipher", SSH_OTHER, SSH_ANY, NULL },
	{ "ClearAllForwardings", SSH_OTHER, SSH_ANY, "*" },
	{ "Compression", SSH_OTHER, SSH_ANY, "no" },
	{ "ConnectionAttempts", SSH_OTHER, SSH_ANY, "1" },
	{ "ControlMaster", SSH_OTHER, SSH_ANY, "no" },
	{ "ControlPath", SSH_OTHER, SSH_ANY, "*" },
	{ "ControlPersist", SSH_OTHER, SSH_ANY, "*" },
	{ "DSAAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "DynamicForward", SSH_OTHER, SSH_ANY, NULL },
	{ "EnableEscapeCommandline", SSH_OTHER, SSH_ANY, "*" },
	{ "EnableSSHKeysign", SSH_OTHER, SSH_ANY, "no" },
	{ "EscapeChar", SSH_OTHER, SSH_ANY, "*" },
	{ "ExitOnForwardFailure", SSH_OTHER, SSH_ANY, "*" },
	{ "FallBackToRsh", SSH_OTHER, SSH_ANY, "no" },
	{ "FingerprintHash", SSH_OTHER, SSH_ANY, "sha256" },
	{ "ForkAfterAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "ForwardX11", SSH_OTHER, SSH_ANY, "no" },
	{ "ForwardX11Timeout", SSH_OTHER, SSH_ANY, "*" },
	{ "ForwardX11Trusted", SSH_OTHER, SSH_ANY, "*" },
	{ "GSSAPIDelegateCredentials", SSH_OTHER, SSH_ANY, "no" },
	{ "GSSAPIKeyExchange", SSH_OTHER, SSH_ANY, "no" },
	{ "GSSAPIRenewalForcesRekey", SSH_OTHER, SSH_ANY, "no" },
	{ "GSSAPIServerIdentity", SSH_OTHER, SSH_ANY, NULL },
	{ "GSSAPITrustDns", SSH_OTHER, SSH_ANY, "no" },
	{ "GatewayPorts", SSH_OTHER, SSH_ANY, "*" },
	{ "GlobalKnownHostsFile2", SSH_OTHER, SSH_ANY, NULL },
	{ "HostbasedAcceptedAlgorithms", SSH_OTHER, SSH_ANY, "*" },
	{ "HostbasedKeyTypes", SSH_OTHER, SSH_ANY, "*" },
	{ "IPQoS", SSH_OTHER, SSH_ANY, NULL },
	{ "InteractiveCommand", SSH_OTHER, SSH_ANY, NULL },
	{ "KbdInteractiveAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "KbdInteractiveDevices", SSH_OTHER, SSH_ANY, "*" },
	{ "LocalCommand", SSH_OTHER, SSH_ANY, NULL },
	{ "LocalForward", SSH_OTHER, SSH_ANY, NULL },
	{ "LogLevel", SSH_OTHER, SSH_ANY, "*" },
	{ "LogVerbose", SSH_OTHER, SSH_ANY, "*" },
	{ "NoHostAuthenticationForLocalhost", SSH_OTHER, SSH_ANY, "no" },
	{ "NumberOfPasswordPrompts", SSH_OTHER, SSH_ANY, "*" },
	{ "ObscureKeystrokeTiming", SSH_OTHER, SSH_ANY, "*" },
	{ "PasswordAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "PermitLocalCommand", SSH_OTHER, SSH_ANY, "no" },
	{ "PermitRemoteOpen", SSH_OTHER, SSH_ANY, "*" },
	{ "Protocol", SSH_OTHER, SSH_ANY, "2" },
	{ "PubkeyAcceptedAlgorithms", SSH_OTHER, SSH_ANY, NULL },
	{ "PubkeyAcceptedKeyTypes", SSH_OTHER, SSH_ANY, NULL },
	{ "RSAAuthentication", SSH_OTHER, SSH_ANY, "*" },
	{ "RekeyLimit", SSH_OTHER, SSH_ANY, "default*" },
	{ "RemoteCommand", SSH_OTHER, SSH_ANY, "none" },
	{ "RemoteForward", SSH_OTHER, SSH_ANY, NULL },
	{ "RequestTTY", SSH_OTHER, SSH_ANY, "no,auto" },
	{ "RequiredRSASize", SSH_OTHER, SSH_ANY, "*" },
	{ "RhostsRSAAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "SessionType", SSH_OTHER, SSH_ANY, "default" },
	{ "SkeyAuthentication", SSH_OTHER, SSH_ANY, "no" },
	{ "SmartcardDevice", SSH_OTHER, SSH_ANY, NULL },
	{ "StdinNull", SSH_OTHER, SSH_ANY, "*" },
	{ "StreamLocalBindMask", SSH_OTHER, SSH_ANY, "*" },
	{ "StreamLocalBindUnlink", SSH_OTHER, SSH_ANY, "*" },
	{ "SyslogFacility", SSH_OTHER, SSH_ANY, "*" },
	{ "TCPKeepAlive", SSH_OTHER, SSH_ANY, "*" },
	{ "Tunnel", SSH_OTHER, SSH_ANY, "no" },
	{ "TunnelDevice", SSH_OTHER, SSH_ANY, "*" },
	{ "UpdateHostKeys", SSH_OTHER, SSH_ANY, "no" },
	{ "UsePrivilegedPort", SSH_OTHER, SSH_ANY, "no" },
	{ "UserKnownHostsFile2", SSH_OTHER, SSH_ANY, NULL },
	{ "VerifyHostKeyDNS", SSH_OTHER, SSH_ANY, "no" },
	{ "VisualHostKey", SSH_OTHER, SSH_ANY, "no" },
	{ "XAuthLocation", SSH_OTHER, SSH_ANY, "*" },
};

_Static_assert(ARRAY_LEN(KEYWORDS) <= SSH_KEYWORDS_MAX, "the notes have one flag a keyword");

const struct ssh_keyword *ssh_keyword_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(KEYWORDS); i++) {
		if (strcasecmp(KEYWORDS[i].name, name) == 0)
			return &KEYWORDS[i];
	}
	return NULL;
}

size_t ssh_keyword_index(const struct ssh_keyword *k)
{
	return (size_t)(k - KEYWORDS);
}
