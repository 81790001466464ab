// A CloudFront function for "viewer request": the page of a project is an object of the bucket, and a bucket knows no index
// documents. The origin is the bucket with the origin path /PREFIX/public. Clients that ask for JSON get JSON, others HTML.
// The page is chosen before CloudFront looks into its cache, so both forms are cached, each by a name of its own.
async function handler(event) {
    const request = event.request;
    const accept = request.headers.accept ? request.headers.accept.value : '';
    if (request.uri.endsWith('/')) {
        request.uri += accept.includes('application/vnd.pypi.simple.v1+json') ? 'index.json' : 'index.html';
    } else if (/^\/simple(\/[^/.]+)?$/.test(request.uri)) {
        return { statusCode: 301, statusDescription: 'Moved Permanently', headers: { location: { value: request.uri + '/' } } };
    }
    return request;
}
