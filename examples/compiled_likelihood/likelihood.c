/* The log-likelihood of a sinusoid, sampled once a day with noise: its frequency is known only up to
 * the aliases of the sampling, four of them within the prior.
 *
 *     likelihood CHUNK OUT
 *
 * reads the points of a chunk, a CSV file whose first line names the columns, and writes the same
 * file with its last column, log_likelihood, filled in. Each line is copied as it is.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_DATA 12
#define MAX_LINE 10000

static const double TWO_PI = 6.283185307179586;
static const double DATA[N_DATA] = {0.862,  0.486, -1.229, 0.539,  1.237, -0.636,
                                    0.527, 0.556, -0.329, -1.126, 0.450, 0.162};
static const double SIGMA = 0.5;

static double log_likelihood(double frequency, double phase) {
    double sum = 0.0;
    for (int day = 0; day < N_DATA; day++) {
        double away = (DATA[day] - sin(TWO_PI * frequency * day + phase)) / SIGMA;
        sum -= 0.5 * away * away + log(SIGMA * sqrt(TWO_PI));
    }
    return sum;
}

static int fail(const char *what, const char *where) {
    fprintf(stderr, "likelihood: %s: %s\n", what, where);
    return 1;
}

/* The column of a name in a line of names; -1 if it isn't there. */
static int column_of(const char *line, const char *name) {
    size_t n = strlen(name);
    for (int column = 0; line != NULL; column++) {
        if (strncmp(line, name, n) == 0 && strchr(",\r\n", line[n]) != NULL) return column;
        line = strchr(line, ',');
        if (line != NULL) line++;
    }
    return -1;
}

/* The number in a column of a line. */
static double number_in(const char *line, int column) {
    while (column-- > 0 && line != NULL) {
        line = strchr(line, ',');
        if (line != NULL) line++;
    }
    return line == NULL ? NAN : strtod(line, NULL);
}

int main(int argc, char **argv) {
    char line[MAX_LINE];
    if (argc != 3) return fail("expected two arguments", "CHUNK OUT");
    FILE *in = fopen(argv[1], "r");
    if (in == NULL || fgets(line, sizeof line, in) == NULL) return fail("can't read", argv[1]);
    int frequency = column_of(line, "frequency"), phase = column_of(line, "phase");
    if (frequency < 0 || phase < 0) return fail("no column frequency or phase", argv[1]);
    FILE *out = fopen(argv[2], "w");
    if (out == NULL) return fail("can't write", argv[2]);
    fputs(line, out);
    while (fgets(line, sizeof line, in) != NULL) {
        double value = log_likelihood(number_in(line, frequency), number_in(line, phase));
        line[strcspn(line, "\r\n")] = '\0';
        fprintf(out, "%s%.17g\n", line, value); /* 17 digits keep every bit */
    }
    if (fclose(out) != 0) return fail("can't write", argv[2]); /* a full disk shows here */
    return 0;
}
