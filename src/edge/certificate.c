/* SPDX-License-Identifier: Apache-2.0
 * Whether a certificate file is in its time. */
#include "edge/certificate.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* `moment` as "2026-11-22 10:00:00 UTC". */
static void certificate_moment(const ASN1_TIME *moment, char text[static 32])
{
    struct tm tm;
    if (ASN1_TIME_to_tm(moment, &tm) != 1 || strftime(text, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0) {
        snprintf(text, 32, "an unreadable date");
    }
}

static enum err certificate_dates(const X509 *certificate, const char *path, struct wall now, char *text, size_t size)
{
    time_t seconds = (time_t)(now.us / TIME_US_PER_S);
    char moment[32];
    if (X509_cmp_time(X509_get0_notAfter(certificate), &seconds) < 0) {
        certificate_moment(X509_get0_notAfter(certificate), moment);
        snprintf(text, size, "the certificate of %s expired at %s: renew it", path, moment);
        return ERR_CERTIFICATE;
    }
    if (X509_cmp_time(X509_get0_notBefore(certificate), &seconds) > 0) {
        certificate_moment(X509_get0_notBefore(certificate), moment);
        snprintf(text, size, "the certificate of %s is not valid before %s: look at this machine's clock", path,
                 moment);
        return ERR_CERTIFICATE;
    }
    return ERR_OK;
}

enum err certificate_check(const char *path, struct wall now, char *text, size_t size)
{
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        const enum err err = err_from_errno(errno);
        snprintf(text, size, "cannot read %s: %s", path, err_text(err));
        return err;
    }
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    if (certificate == NULL) {
        ERR_clear_error();
        snprintf(text, size, "%s holds no PEM certificate", path);
        return ERR_CONTENT;
    }
    const enum err err = certificate_dates(certificate, path, now, text, size);
    X509_free(certificate);
    return err;
}
