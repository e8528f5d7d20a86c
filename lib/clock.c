#include "lib/clock.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define US_PER_S  1000000LL
#define S_PER_DAY 86400LL

/* Days of the proleptic Gregorian calendar since 1970-01-01; years are counted from March so that the leap day comes last. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int64_t now_ns(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * EA_NS_PER_S + t.tv_nsec;
}

/* Reads exactly n digits; moves *s past them. */
static bool digits(const char **s, int n, int *out)
{
    *out = 0;
    for (; n > 0; n--, (*s)++) {
        if (**s < '0' || **s > '9')
            return false;
        *out = *out * 10 + (**s - '0');
    }
    return true;
}

static bool literal(const char **s, char c)
{
    if (toupper((unsigned char)**s) != c)
        return false;
    (*s)++;
    return true;
}

static bool read_date(const char **s, int64_t *days)
{
    int year, month, day;
    if (!digits(s, 4, &year) || !literal(s, '-') || !digits(s, 2, &month) || !literal(s, '-') ||
        !digits(s, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = days_of(year, month, day);
    return true;
}

static bool read_time(const char **s, int64_t *seconds, bool *leap)
{
    int hour, minute, second;
    if (!digits(s, 2, &hour) || !literal(s, ':') || !digits(s, 2, &minute) || !literal(s, ':') ||
        !digits(s, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *seconds = hour * 3600LL + minute * 60LL + second;
    *leap = second == 60;
    return true;
}

static bool read_fraction(const char **s, int64_t *us)
{
    *us = 0;
    if (**s != '.')
        return true;
    (*s)++;
    int n = 0;
    for (int64_t unit = US_PER_S / 10; **s >= '0' && **s <= '9'; (*s)++, unit /= 10, n++)
        *us += (**s - '0') * unit;
    return n >= 1 && n <= 9;
}

static bool read_offset(const char **s, int64_t *seconds)
{
    *seconds = 0;
    if (literal(s, 'Z'))
        return true;
    bool minus = **s == '-';
    int hour, minute;
    if (!literal(s, minus ? '-' : '+') || !digits(s, 2, &hour) || !literal(s, ':') || !digits(s, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *seconds = (hour * 3600LL + minute * 60LL) * (minus ? -1 : 1);
    return true;
}

int64_t ea_clock_mono_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

int64_t ea_clock_wall_us(void)
{
    return now_ns(CLOCK_REALTIME) / 1000;
}

void ea_clock_rfc3339(int64_t wall_us, char out[EA_CLOCK_RFC3339_SIZE])
{
    const int64_t first = -62135596800 * US_PER_S;         /* 0001-01-01 */
    const int64_t last = 253402300799 * US_PER_S + 999999; /* the end of 9999 */
    wall_us = wall_us < first ? first : wall_us > last ? last : wall_us;

    int64_t ms = (wall_us - first) / 1000; /* not negative: division goes down */
    int64_t of_day = ms % (S_PER_DAY * 1000);
    int year, month, day;
    date_of(ms / (S_PER_DAY * 1000) + first / US_PER_S / S_PER_DAY, &year, &month, &day);
    char text[80]; /* what gcc believes the numbers could take */
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day,
                   (int)(of_day / 3600000), (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60),
                   (int)(of_day % 1000));
    for (int i = 0; i < EA_CLOCK_RFC3339_SIZE; i++)
        out[i] = text[i];
    out[EA_CLOCK_RFC3339_SIZE - 1] = '\0';
}

enum ea_err ea_clock_parse(const char *s, int64_t *wall_us)
{
    int64_t days, seconds, us, offset;
    bool leap;
    if (!read_date(&s, &days) || !literal(&s, 'T') || !read_time(&s, &seconds, &leap) ||
        !read_fraction(&s, &us) || !read_offset(&s, &offset) || *s)
        return EA_EINPUT;
    int64_t utc = days * S_PER_DAY + seconds - offset;
    if (leap && utc % S_PER_DAY !=
                    0) /* leap seconds are inserted at the end of a UTC day; they count as the next second */
        return EA_EINPUT;
    *wall_us = utc * US_PER_S + us;
    return EA_OK;
}
