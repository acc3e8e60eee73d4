import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { makeRouter } from './app/router.tsx'
import './styles.css'

const root = document.getElementById('root')
if (!root) throw new Error('the page has no root')
const queries = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: true } } })
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={makeRouter(queries)} />
    </QueryClientProvider>
  </StrictMode>,
)
