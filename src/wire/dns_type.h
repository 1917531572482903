/* SPDX-License-Identifier: Apache-2.0
 * Numbers of the DNS with their names: record types, response codes, classes (IANA registries). */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* X(name, number, form). The form is the record data field by field, for reading text (wire/dns_rdata.h) and for
 * checking bytes (wire/dns_rdata_check.h); empty: the type stands in no zone. d domain name   1 2 4 number of that many
 * bytes   t seconds   a A IPv4, IPv6   s S one text, all texts v bytes to the end, from one text   g CAA tag   X B
 * bytes to the end, hexadecimal or base64   K algorithm T record type   D time of a signature   M types as a bitmap   H
 * salt of NSEC3   e E EUI-48, EUI-64   L LOC   P SvcParams   C kind of certificate
 */
#define DNS_TYPE_TABLE(X)                                                                                              \
    X(A, 1, "a")                                                                                                       \
    X(NS, 2, "d")                                                                                                      \
    X(MD, 3, "d")                                                                                                      \
    X(MF, 4, "d")                                                                                                      \
    X(CNAME, 5, "d")                                                                                                   \
    X(SOA, 6, "dd4tttt")                                                                                               \
    X(MB, 7, "d")                                                                                                      \
    X(MG, 8, "d")                                                                                                      \
    X(MR, 9, "d")                                                                                                      \
    X(PTR, 12, "d")                                                                                                    \
    X(HINFO, 13, "ss")                                                                                                 \
    X(MINFO, 14, "dd")                                                                                                 \
    X(MX, 15, "2d")                                                                                                    \
    X(TXT, 16, "S")                                                                                                    \
    X(RP, 17, "dd")                                                                                                    \
    X(AFSDB, 18, "2d")                                                                                                 \
    X(AAAA, 28, "A")                                                                                                   \
    X(LOC, 29, "L")                                                                                                    \
    X(SRV, 33, "222d")                                                                                                 \
    X(NAPTR, 35, "22sssd")                                                                                             \
    X(KX, 36, "2d")                                                                                                    \
    X(CERT, 37, "C2KB")                                                                                                \
    X(DNAME, 39, "d")                                                                                                  \
    X(OPT, 41, "")                                                                                                     \
    X(DS, 43, "2K1X")                                                                                                  \
    X(SSHFP, 44, "11X")                                                                                                \
    X(RRSIG, 46, "TK14DD2dB")                                                                                          \
    X(NSEC, 47, "dM")                                                                                                  \
    X(DNSKEY, 48, "21KB")                                                                                              \
    X(DHCID, 49, "B")                                                                                                  \
    X(NSEC3PARAM, 51, "112H")                                                                                          \
    X(TLSA, 52, "111X")                                                                                                \
    X(SMIMEA, 53, "111X")                                                                                              \
    X(CDS, 59, "2K1X")                                                                                                 \
    X(CDNSKEY, 60, "21KB")                                                                                             \
    X(OPENPGPKEY, 61, "B")                                                                                             \
    X(CSYNC, 62, "42M")                                                                                                \
    X(ZONEMD, 63, "411X")                                                                                              \
    X(SVCB, 64, "2dP")                                                                                                 \
    X(HTTPS, 65, "2dP")                                                                                                \
    X(SPF, 99, "S")                                                                                                    \
    X(EUI48, 108, "e")                                                                                                 \
    X(EUI64, 109, "E")                                                                                                 \
    X(NXNAME, 128, "")                                                                                                 \
    X(TKEY, 249, "")                                                                                                   \
    X(TSIG, 250, "")                                                                                                   \
    X(IXFR, 251, "")                                                                                                   \
    X(AXFR, 252, "")                                                                                                   \
    X(MAILB, 253, "")                                                                                                  \
    X(MAILA, 254, "")                                                                                                  \
    X(ANY, 255, "")                                                                                                    \
    X(URI, 256, "22v")                                                                                                 \
    X(CAA, 257, "1gv")

enum dns_type {
#define DNS_TYPE_ENUM(name, number, form) DNS_TYPE_##name = number,
    DNS_TYPE_TABLE(DNS_TYPE_ENUM)
#undef DNS_TYPE_ENUM
};

enum { DNS_CLASS_IN = 1, DNS_CLASS_CH = 3, DNS_CLASS_ANY = 255 };

/* X(name, number): response codes. Those above 15 are extended: their upper bits travel in OPT. */
#define DNS_RCODE_TABLE(X)                                                                                             \
    X(NOERROR, 0)                                                                                                      \
    X(FORMERR, 1)                                                                                                      \
    X(SERVFAIL, 2)                                                                                                     \
    X(NXDOMAIN, 3)                                                                                                     \
    X(NOTIMP, 4)                                                                                                       \
    X(REFUSED, 5)                                                                                                      \
    X(YXDOMAIN, 6)                                                                                                     \
    X(YXRRSET, 7)                                                                                                      \
    X(NXRRSET, 8)                                                                                                      \
    X(NOTAUTH, 9)                                                                                                      \
    X(NOTZONE, 10)                                                                                                     \
    X(BADVERS, 16)                                                                                                     \
    X(BADKEY, 17)                                                                                                      \
    X(BADTIME, 18)                                                                                                     \
    X(BADTRUNC, 22)                                                                                                    \
    X(BADCOOKIE, 23)

enum dns_rcode {
#define DNS_RCODE_ENUM(name, number) DNS_RCODE_##name = number,
    DNS_RCODE_TABLE(DNS_RCODE_ENUM)
#undef DNS_RCODE_ENUM
        DNS_RCODE_COUNT = 24,
};

/* "AAAA", "TYPE65280" (RFC 3597), in any case. ERR_NOT_FOUND otherwise. */
enum err dns_type_parse(struct span text, uint16_t *ret_type) ERR_CHECK;

/* The fields of the type's data; "" for a type without data in zones, NULL when the type is not known here. */
const char *dns_type_form(uint16_t type);

/* The type's name, NULL when it has none here. */
const char *dns_type_name(uint16_t type);

/* The response code's name, NULL when it has none here. */
const char *dns_type_rcode_name(uint16_t rcode);
